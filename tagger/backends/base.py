"""The seam: what every backend must do, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagger.engine import DecisionTable
    from tagger.labels import LabelSet
    from tagger.tokenizer import InputLimits
    from tagger.types import Exchange, Scores


class Backend(Protocol):
    """Turns exchanges into calibrated probabilities.

    `labels`, `thresholds`, `limits` and `engine_version` come from the engine and are set
    when the constructor returns. All methods run on one event loop; a blocking engine owns
    a thread of its own.
    """

    name: str
    max_batch_size: int | None
    """Most exchanges per `score`; None: it schedules by itself (continuous batching)."""
    labels: LabelSet
    thresholds: DecisionTable
    limits: InputLimits
    engine_version: str

    async def start(self) -> None:
        """Load and warm up; afterwards the first request is as fast as the thousandth."""

    async def score(self, batch: Sequence[Exchange]) -> list[Scores]:
        """One Scores per exchange, in order. Raises BackendUnavailable when it cannot."""

    async def health(self) -> None:
        """Return when able to answer; raises BackendUnavailable otherwise."""

    async def close(self) -> None:
        """Free what `start` took; harmless when called twice."""
