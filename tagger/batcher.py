"""Admission, queue and work-conserving batches in front of a backend.

The batcher never looks inside an exchange. It never waits on a timer: an idle backend gets
a call at once, a busy one gets what has queued meanwhile (the rule of
huggingface/text-embeddings-inference). A waiter that was cancelled is not computed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING

from tagger.errors import BackendUnavailable, Overloaded

if TYPE_CHECKING:
    from tagger.backends.base import Backend
    from tagger.types import Exchange, Scores


class _Waiter:
    __slots__ = ("exchange", "future", "submitted")

    def __init__(self, exchange: Exchange, future: asyncio.Future[tuple[Scores, float]]) -> None:
        self.exchange = exchange
        self.future = future
        self.submitted = perf_counter()


class Batcher:
    """Serialises calls to a backend of bounded batch size; lives on one event loop.

    Args:
        backend: answers batches.
        max_queue: calls that may wait; one more raises Overloaded.
    """

    def __init__(self, backend: Backend, max_queue: int) -> None:
        self._backend = backend
        self._max_queue = max_queue
        self._waiting: deque[_Waiter] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._closed = False

    async def submit(self, exchange: Exchange) -> tuple[Scores, float]:
        """Scores of one exchange and the milliseconds it waited.

        Raises:
            Overloaded: the queue is full.
            BackendUnavailable: closed, or the backend says so.
        """
        if self._closed:
            raise BackendUnavailable("the service is shutting down; retry elsewhere")
        if self._backend.max_batch_size is None:
            return (await self._backend.score([exchange]))[0], 0.0
        if len(self._waiting) >= self._max_queue:
            raise Overloaded(
                f"{len(self._waiting)} calls are waiting, which is the limit (max_queue); back off"
            )
        waiter = _Waiter(exchange, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        if self._worker is None:
            self._worker = asyncio.create_task(self._drain_queue())
        try:
            return await waiter.future
        except asyncio.CancelledError:
            # nobody waits any more: give the place in the queue back
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            raise

    async def _drain_queue(self) -> None:
        """Score until nobody waits; ends by itself, so an idle service runs no task."""
        try:
            while self._waiting:
                size = min(len(self._waiting), self._backend.max_batch_size or 1)
                await self._score([self._waiting.popleft() for _ in range(size)])
        finally:
            self._worker = None
            while self._waiting:
                _fail(self._waiting.popleft(), BackendUnavailable("the service is shutting down"))

    async def _score(self, batch: list[_Waiter]) -> None:
        started = perf_counter()
        try:
            answers = await self._backend.score([w.exchange for w in batch])
            if len(answers) != len(batch):
                raise RuntimeError(f"{len(answers)} answers for {len(batch)} exchanges")
        except Exception as e:
            for waiter in batch:
                _fail(waiter, e)
            return
        except asyncio.CancelledError:
            for waiter in batch:
                _fail(waiter, BackendUnavailable("the backend was stopped; retry"))
            raise
        for waiter, scores in zip(batch, answers, strict=True):
            if not waiter.future.done():
                waiter.future.set_result((scores, (started - waiter.submitted) * 1e3))

    async def close(self, timeout_s: float) -> None:
        """Refuse new calls, let the waiting ones finish; those that take longer fail."""
        self._closed = True
        if self._worker is not None:
            with suppress(TimeoutError, asyncio.CancelledError):
                await asyncio.wait_for(self._worker, timeout_s)


def _fail(waiter: _Waiter, error: Exception) -> None:
    if not waiter.future.done():
        waiter.future.set_exception(error)
