"""The one library object: a backend behind a queue, and the decision after it.

async with Tagger(load_settings()) as tagger:
    tag = await tagger.tag(Exchange("hai cộng hai bằng bốn", "Chính xác! Cậu giỏi quá!"))
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Final

from tagger.backends import load_backend
from tagger.batcher import Batcher
from tagger.decision import decide
from tagger.types import Exchange, Tag, Timings

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from tagger.config import Settings

PROBE: Final = Exchange("hai cộng hai bằng bốn", "Chính xác! Cậu giỏi quá!")
"""The exchange whose answer must have been computed before the service calls itself ready."""


class Tagger:
    """Tags exchanges with the backend that the settings name; lives on one event loop.

    Raises:
        ConfigError: the backend or one of its settings is unknown or unavailable.
        EngineError: the engine is missing, damaged or inconsistent.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.backend = load_backend(settings)
        self._batcher = Batcher(self.backend, settings.max_queue)

    async def start(self) -> None:
        """Warm up and compute a first real answer."""
        await self.backend.start()
        await self.tag(PROBE)

    async def tag(self, exchange: Exchange, *, include_scores: bool = False) -> Tag:
        """Tag one exchange.

        Raises:
            InvalidExchange: a documented limit is broken.
            Overloaded: too many calls are waiting.
            BackendUnavailable: the backend cannot answer now.
        """
        begin = perf_counter()
        exchange.check()
        scores, queue_ms = await self._batcher.submit(exchange)
        backend = self.backend
        decision = decide(scores, backend.labels, backend.thresholds)
        return Tag(
            emotion=decision.emotion,
            celebrate=decision.celebrate,
            emotion_confidence=decision.emotion_confidence,
            celebrate_probability=scores.celebrate,
            outcome=decision.outcome,
            reason=decision.reason,
            emotion_scores=(
                dict(zip(backend.labels.names, scores.emotion.tolist(), strict=True))
                if include_scores
                else {}
            ),
            backend=backend.name,
            engine_version=backend.engine_version,
            n_tokens=scores.n_tokens,
            timings=Timings(
                queue_ms=queue_ms,
                tokenize_ms=scores.tokenize_ms,
                infer_ms=scores.infer_ms,
                total_ms=(perf_counter() - begin) * 1e3,
            ),
        )

    async def health(self) -> None:
        """Return when able to answer; raises BackendUnavailable otherwise."""
        await self.backend.health()

    async def close(self, timeout_s: float = 5.0) -> None:
        """Refuse new calls, answer what waits within the timeout, free the backend."""
        await self._batcher.close(timeout_s)
        await self.backend.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
