import pytest

from tagger.errors import InvalidExchange
from tagger.types import MAX_HISTORY_TURNS, MAX_TEXT_CHARS, Exchange, Turn


def test_an_empty_child_utterance_is_legal():
    Exchange("", "Chào cậu!").check()


@pytest.mark.parametrize("reply", ["", "   ", "\n\t", "\u200b\u200d", "\u0301\u0323", "\x00"])
def test_a_reply_without_a_visible_character_is_refused(reply):
    with pytest.raises(InvalidExchange, match="pika_reply is empty"):
        Exchange("bốn", reply).check()


@pytest.mark.parametrize("reply", ["😀", "👨‍👩‍👧", "!", "ừ", "u\u031b\u0300", "\U0001fae9"])
def test_anything_visible_is_a_reply(reply):
    Exchange("bốn", reply).check()


def test_text_at_the_limit_is_accepted_and_one_more_refused():
    Exchange("a" * MAX_TEXT_CHARS, "b" * MAX_TEXT_CHARS).check()
    with pytest.raises(InvalidExchange, match=f"child_utterance has {MAX_TEXT_CHARS + 1} char"):
        Exchange("a" * (MAX_TEXT_CHARS + 1), "b").check()
    with pytest.raises(InvalidExchange, match=r"history\[1\]\.text"):
        Exchange("a", "b", (Turn("pika", "x"), Turn("child", "a" * (MAX_TEXT_CHARS + 1)))).check()


def test_too_many_turns_are_refused():
    turns = (Turn("pika", "x"),) * (MAX_HISTORY_TURNS + 1)
    with pytest.raises(InvalidExchange, match="17 turns"):
        Exchange("a", "b", turns).check()


def test_a_lone_surrogate_is_refused():
    with pytest.raises(InvalidExchange, match="lone surrogate"):
        Exchange("a\ud800", "b").check()


def test_error_messages_never_quote_the_texts():
    with pytest.raises(InvalidExchange) as caught:
        Exchange("bí mật" * 1000, "b").check()
    assert "bí mật" not in str(caught.value)
