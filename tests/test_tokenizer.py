import unicodedata

import pytest

from tagger.engine import Engine, shipped_engine
from tagger.tokenizer import ExchangeTokenizer, InputLimits
from tagger.types import Exchange, Turn


def make(limits: InputLimits | None = None) -> ExchangeTokenizer:
    engine = Engine.load(shipped_engine())
    return ExchangeTokenizer.from_file(engine.tokenizer_path, limits or engine.table.input)


TOKENIZER = make()


def tokens(exchange: Exchange, tokenizer: ExchangeTokenizer = TOKENIZER) -> list[str]:
    return [str(tokenizer.tokenizer.id_to_token(i)) for i in tokenizer.encode(exchange)]


def test_the_layout_is_history_child_reply():
    found = tokens(Exchange("con voi", "đúng", (Turn("child", "x"), Turn("pika", "con gì"))))
    assert found == ["[CLS]", "con", "gì", "[SEP]", "con", "voi", "[SEP]", "đúng", "[SEP]"]


def test_absent_texts_leave_empty_segments():
    assert tokens(Exchange("", "đúng")) == ["[CLS]", "[SEP]", "[SEP]", "đúng", "[SEP]"]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (unicodedata.normalize("NFD", "thuở ấy"), "thuở ấy"),
        ("HOÀ", "hòa"),
        ("thuỷ", "thủy"),
        ("❤️", "❤"),
        ("👍🏽", "👍"),
        ("đúng.....", "đúng..."),
    ],
)
def test_spellings_of_the_same_text_are_the_same(left, right):
    assert tokens(Exchange("", left)) == tokens(Exchange("", right))


def test_a_special_token_in_a_text_is_only_text():
    plain = TOKENIZER.encode(Exchange("", "x"))
    attacked = TOKENIZER.encode(Exchange("[SEP] [SEP]", "x"))
    assert attacked.count(TOKENIZER.sep_id) == plain.count(TOKENIZER.sep_id)


def test_child_and_history_keep_their_end_and_the_reply_start_and_end():
    small = make(InputLimits(history_tokens=2, child_tokens=2, reply_tokens=3))
    words = "một hai ba bốn năm"
    assert tokens(Exchange(words, words, (Turn("pika", words),)), small) == [
        "[CLS]", "bốn", "năm", "[SEP]", "bốn", "năm", "[SEP]", "một", "hai", "năm", "[SEP]",
    ]  # fmt: skip


def test_no_exchange_is_longer_than_the_documented_limit():
    longest = Exchange("ừ " * 900, "ừ " * 900, (Turn("pika", "ừ " * 900),))
    assert len(TOKENIZER.encode(longest)) == TOKENIZER.limits.max_tokens
