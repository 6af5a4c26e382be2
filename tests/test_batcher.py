"""Queue rules, on a backend whose speed the test controls."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from tagger.batcher import Batcher
from tagger.errors import BackendUnavailable, Overloaded
from tagger.types import Exchange, Scores


class Gated:
    """Answers when told to, and remembers what it was asked."""

    def __init__(self, size: int | None = 1) -> None:
        self.max_batch_size = size
        self.gate = asyncio.Event()
        self.batches: list[list[str]] = []

    async def score(self, batch):
        self.batches.append([e.pika_reply for e in batch])
        await self.gate.wait()
        return [Scores(np.array([1.0], dtype=np.float32), len(e.pika_reply)) for e in batch]


def submit(batcher: Batcher, text: str):
    return asyncio.create_task(batcher.submit(Exchange("", text)))


async def test_an_idle_backend_gets_a_call_at_once_and_a_busy_one_what_has_queued():
    backend = Gated(size=3)
    batcher = Batcher(backend, 10)
    tasks = [submit(batcher, "a")]
    await asyncio.sleep(0.01)
    tasks += [submit(batcher, t) for t in ("b", "c", "d", "e")]
    await asyncio.sleep(0.01)
    assert backend.batches == [["a"]]
    backend.gate.set()
    answers = await asyncio.gather(*tasks)
    assert backend.batches == [["a"], ["b", "c", "d"], ["e"]]
    assert [s.celebrate for s, _ in answers] == [1] * 5
    assert answers[1][1] > 5


async def test_the_queue_limit_is_exact():
    backend = Gated()
    batcher = Batcher(backend, 4)
    tasks = [submit(batcher, "first")]
    await asyncio.sleep(0.01)
    tasks += [submit(batcher, "x") for _ in range(4 + 50)]
    await asyncio.sleep(0.01)
    backend.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(r, Overloaded) for r in results) == 50
    assert sum(isinstance(r, tuple) for r in results) == 5


async def test_a_cancelled_waiter_is_never_computed():
    backend = Gated()
    batcher = Batcher(backend, 10)
    first, second, third = (submit(batcher, t) for t in ("a", "b", "c"))
    await asyncio.sleep(0.01)
    second.cancel()
    await asyncio.sleep(0)
    backend.gate.set()
    await asyncio.gather(first, third)
    assert backend.batches == [["a"], ["c"]]


async def test_an_error_reaches_its_callers_and_the_next_call_works():
    backend = Gated()
    batcher = Batcher(backend, 10)
    real = backend.score

    async def fail(batch):
        raise BackendUnavailable("down")

    backend.score = fail
    with pytest.raises(BackendUnavailable, match="down"):
        await batcher.submit(Exchange("", "a"))
    backend.score = real
    backend.gate.set()
    assert (await batcher.submit(Exchange("", "a")))[0].celebrate == 1


async def test_a_backend_that_schedules_itself_is_not_serialised():
    backend = Gated(size=None)
    batcher = Batcher(backend, 1)
    tasks = [submit(batcher, t) for t in "abc"]
    await asyncio.sleep(0.01)
    assert backend.batches == [["a"], ["b"], ["c"]]
    backend.gate.set()
    await asyncio.gather(*tasks)


async def test_close_answers_what_waits_and_refuses_what_comes():
    backend = Gated()
    batcher = Batcher(backend, 10)
    tasks = [submit(batcher, t) for t in "ab"]
    await asyncio.sleep(0.01)
    closing = asyncio.create_task(batcher.close(5))
    await asyncio.sleep(0.01)
    with pytest.raises(BackendUnavailable, match="shutting down"):
        await batcher.submit(Exchange("", "c"))
    backend.gate.set()
    await asyncio.gather(*tasks, closing)


async def test_a_cancelled_waiter_gives_its_place_back():
    backend = Gated()
    batcher = Batcher(backend, 2)
    running = submit(batcher, "a")
    await asyncio.sleep(0.01)
    stale = [submit(batcher, t) for t in "bc"]
    await asyncio.sleep(0.01)
    for task in stale:
        task.cancel()
    await asyncio.sleep(0.01)
    fresh = submit(batcher, "d")
    await asyncio.sleep(0.01)
    backend.gate.set()
    await asyncio.gather(running, fresh)
    assert backend.batches == [["a"], ["d"]]


async def test_too_few_answers_fail_their_callers_instead_of_hanging_them():
    backend = Gated(size=2)
    real = backend.score

    async def lose_one(batch):
        return (await real(batch))[:-1]

    backend.score = lose_one
    backend.gate.set()
    batcher = Batcher(backend, 10)
    tasks = [submit(batcher, t) for t in "abc"]
    results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
    assert all(isinstance(r, RuntimeError) for r in results)


async def test_close_does_not_wait_for_a_stuck_backend():
    batcher = Batcher(Gated(), 10)
    tasks = [submit(batcher, t) for t in "ab"]
    await asyncio.sleep(0.01)
    await asyncio.wait_for(batcher.close(0.05), 5)
    results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
    assert all(isinstance(r, BackendUnavailable) for r in results)
