from __future__ import annotations

import asyncio
import socket
import time

import grpc
import pytest

from tagger.client import AsyncTaggerClient, TaggerClient
from tagger.types import MAX_TEXT_CHARS, Exchange, Outcome, Turn

RIGHT = Exchange(
    "là bốn ạ", "Chính xác! Cậu giỏi quá!", (Turn("pika", "Hai cộng hai bằng mấy nhỉ?"),)
)
SLOW_MS = 5_000


@pytest.fixture
def dead_target() -> str:
    """An address where nobody listens."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{s.getsockname()[1]}"


@pytest.fixture
def silent_target():
    """An address that accepts connections and never says a word."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        yield f"127.0.0.1:{s.getsockname()[1]}"


def test_a_tag_comes_back_as_it_was_made(server):
    with TaggerClient(server.target, SLOW_MS) as client:
        tag = client.tag(RIGHT, request_id="r", include_scores=True)
        assert tag.celebrate
        assert tag.emotion_scores[tag.emotion] == pytest.approx(tag.emotion_confidence)
        assert tag.timings.total_ms > 0
        assert client.get_info().engine_version == tag.engine_version


async def test_the_async_twin_gives_the_same_answer(server):
    with TaggerClient(server.target, SLOW_MS) as client:
        expected = await asyncio.to_thread(client.tag_or_default, RIGHT)
    async with AsyncTaggerClient(server.target, SLOW_MS) as twin:
        tag = await twin.tag_or_default(RIGHT)
        assert (tag.emotion, tag.celebrate) == (expected.emotion, expected.celebrate)
        assert (await twin.get_info()).backend == "encoder"


def test_a_dead_server_gives_the_safe_default_within_the_deadline(dead_target):
    with TaggerClient(dead_target) as client:
        began = time.perf_counter()
        tag = client.tag_or_default(RIGHT)
        assert time.perf_counter() - began < 0.5
    assert (tag.emotion, tag.celebrate) == ("neutral", False)
    assert tag.outcome is Outcome.BACKEND_DOWN
    assert tag.reason.startswith("UNAVAILABLE")


def test_a_silent_server_gives_the_safe_default_at_the_deadline(silent_target):
    with TaggerClient(silent_target, deadline_ms=50) as client:
        began = time.perf_counter()
        tag = client.tag_or_default(RIGHT)
        assert 0.04 < time.perf_counter() - began < 0.5
    assert tag.outcome in (Outcome.DEADLINE, Outcome.BACKEND_DOWN)
    assert not tag.celebrate


def test_a_deadline_that_cannot_be_met_is_a_deadline(server):
    with TaggerClient(server.target, deadline_ms=0.01, default_emotion="happy") as client:
        client.wait_ready(5)
        tag = client.tag_or_default(RIGHT)
    assert (tag.emotion, tag.outcome) == ("happy", Outcome.DEADLINE)


async def test_the_async_default_works_without_a_server(dead_target):
    async with AsyncTaggerClient(dead_target) as client:
        tag = await client.tag_or_default(RIGHT)
    assert tag.outcome is Outcome.BACKEND_DOWN


def test_an_unsendable_or_refused_value_gives_the_default_too(server):
    with TaggerClient(server.target, SLOW_MS) as client:
        for child, pika in (("\ud800", "x"), ("a" * (MAX_TEXT_CHARS + 1), "x"), ("a", "")):
            assert client.tag_or_default(Exchange(child, pika)).outcome is Outcome.INVALID
        tag = client.tag_or_default(Exchange("a" * (MAX_TEXT_CHARS + 1), "x"))
        assert tag.reason.startswith("child_utterance has 2001 characters")
        tag = client.tag_or_default(RIGHT, request_id="two\nlines")
        assert tag.outcome is Outcome.INVALID
        assert tag.reason.startswith("INVALID_ARGUMENT: request_id")
    assert client.tag_or_default(RIGHT).outcome is Outcome.BACKEND_DOWN  # closed


def test_tag_raises_what_the_server_said(dead_target):
    with TaggerClient(dead_target) as client, pytest.raises(grpc.RpcError) as caught:
        client.tag(RIGHT)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_many_threads_share_a_client(server):
    from concurrent.futures import ThreadPoolExecutor

    with TaggerClient(server.target, SLOW_MS) as client, ThreadPoolExecutor(8) as pool:
        tags = list(pool.map(client.tag, [RIGHT] * 64))
    assert {t.celebrate_probability for t in tags} == {tags[0].celebrate_probability}
