"""Make the encoder's tokenizer: Vietnamese with diacritics, English and emoji.

WordPiece over NFKC lower-case words. Pieces are learnt from the project's texts; where a
pretrained backbone lends its layers, its most frequent pieces join the vocabulary, so that
English is cut as the backbone knows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import WordPiece
from tokenizers.trainers import WordPieceTrainer

if TYPE_CHECKING:
    from collections.abc import Iterable

SPECIAL_TOKENS: Final = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
MAX_WORD_CHARS: Final = 40
# Old and new placement of the tone mark ("hoà" / "hòa") are the same word.
_TONE_PLACEMENT: Final = (
    ("oà", "òa"), ("oá", "óa"), ("oả", "ỏa"), ("oã", "õa"), ("oạ", "ọa"),
    ("oè", "òe"), ("oé", "óe"), ("oẻ", "ỏe"), ("oẽ", "õe"), ("oẹ", "ọe"),
    ("uỳ", "ùy"), ("uý", "úy"), ("uỷ", "ủy"), ("uỹ", "ũy"), ("uỵ", "ụy"),
)  # fmt: skip
# Variation selectors, joiners and skin tones change the look of an emoji, not its feeling.
_INVISIBLE: Final = "[\ufe0e\ufe0f\u200b-\u200d\u2060\ufeff\U0001f3fb-\U0001f3ff]"


def train_tokenizer(
    texts: Iterable[str], vocab_size: int, base: Tokenizer | None = None, base_pieces: int = 0
) -> Tokenizer:
    """Learn `vocab_size` pieces from texts; add the first `base_pieces` ASCII ones of `base`.

    A base vocabulary is taken to be sorted by frequency, as BERT's is.

    Args:
        texts: what the encoder will read.
        vocab_size: most pieces learnt from the texts, special tokens included.
        base: the pretrained backbone's tokenizer.
        base_pieces: how many of its pieces to add.
    """
    tokenizer = _blank(WordPiece(unk_token="[UNK]"))
    trainer = WordPieceTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        special_tokens=list(SPECIAL_TOKENS),
        limit_alphabet=1200,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    pieces = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().__getitem__)
    if base is not None:
        known = set(pieces)
        ranked = sorted(base.get_vocab().items(), key=lambda item: item[1])
        usable = [t for t, _ in ranked if t.isascii() and not t.startswith("[") and t not in known]
        pieces += usable[:base_pieces]
    vocab = {piece: i for i, piece in enumerate(pieces)}
    return _blank(WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=MAX_WORD_CHARS))


def _blank(model: WordPiece) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.Lowercase(),
            normalizers.Replace(Regex(_INVISIBLE), ""),
            normalizers.Replace(Regex(r"\.{2,}"), "…"),
            *(normalizers.Replace(old, new) for old, new in _TONE_PLACEMENT),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Split(Regex(r"[^\p{L}\p{M}\p{N}]"), "isolated"),
        ]
    )
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    return tokenizer
