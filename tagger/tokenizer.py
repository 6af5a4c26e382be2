"""Exchange to token ids: the one place that decides what the encoder sees.

    tokens = ExchangeTokenizer.from_file("tokenizer.json", limits).encode(exchange)

The sequence is `[CLS] history [SEP] child [SEP] reply [SEP]`, an empty segment where there
is no text, so that the model can count separators to know who speaks.
Normalisation (NFKC, lower case, tone-mark placement) is part of the tokenizer file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field
from tokenizers import Tokenizer

from tagger.errors import EngineError

if TYPE_CHECKING:
    from pathlib import Path

    from tagger.types import Exchange


class InputLimits(BaseModel):
    """Most tokens kept of each text.

    Of history and child the end is kept (the newest words decide), of the reply the start
    and the end (the reaction opens it, a question closes it), two thirds and one third.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    history_tokens: int = Field(32, ge=0, le=512)
    child_tokens: int = Field(64, ge=1, le=512)
    reply_tokens: int = Field(96, ge=1, le=512)

    @property
    def max_tokens(self) -> int:
        """Longest possible input, with the four special tokens."""
        return self.history_tokens + self.child_tokens + self.reply_tokens + 4


class ExchangeTokenizer:
    """A trained tokenizer plus the rule that lays an exchange out as one sequence.

    Args:
        tokenizer: has the tokens named by `cls` and `sep`.
        limits: how much of each text is kept.
        cls: the opening token.
        sep: the separating token.

    Raises:
        EngineError: `cls` or `sep` is not in the vocabulary.
    """

    def __init__(
        self, tokenizer: Tokenizer, limits: InputLimits, cls: str = "[CLS]", sep: str = "[SEP]"
    ) -> None:
        cls_id, sep_id = tokenizer.token_to_id(cls), tokenizer.token_to_id(sep)
        if cls_id is None or sep_id is None:
            raise EngineError(
                f"the tokenizer lacks {cls!r} or {sep!r}; rebuild the engine, or name the right "
                "tokens under [input] in engine.toml"
            )
        # a child who says "[SEP]" says four characters, not a token
        tokenizer.encode_special_tokens = True
        self.tokenizer = tokenizer
        self.limits = limits
        self.cls, self.sep = cls, sep
        self.cls_id, self.sep_id = cls_id, sep_id

    @classmethod
    def from_file(
        cls, path: Path, limits: InputLimits, cls_token: str = "[CLS]", sep_token: str = "[SEP]"
    ) -> ExchangeTokenizer:
        """Load a `tokenizer.json`; raises EngineError when it cannot be read."""
        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as e:  # the library raises bare Exception
            raise EngineError(f"{path} is no tokenizer file: {e}; rebuild the engine") from e
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return cls(tokenizer, limits, cls_token, sep_token)

    def encode(self, exchange: Exchange) -> list[int]:
        """Token ids of one exchange, at most `limits.max_tokens` long."""
        history = exchange.history[-1].text if exchange.history else ""
        limits = self.limits
        head = limits.reply_tokens * 2 // 3
        h, c, r = (
            self.tokenizer.encode(text, add_special_tokens=False).ids if text else []
            for text in (history, exchange.child_utterance, exchange.pika_reply)
        )
        if len(h) > limits.history_tokens:
            h = h[len(h) - limits.history_tokens :]
        if len(c) > limits.child_tokens:
            c = c[len(c) - limits.child_tokens :]
        if len(r) > limits.reply_tokens:
            r = r[:head] + r[len(r) - (limits.reply_tokens - head) :]
        sep = self.sep_id
        return [self.cls_id, *h, sep, *c, sep, *r, sep]
