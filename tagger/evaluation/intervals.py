"""95 % confidence intervals by the bootstrap, and agreement of two readers."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from tagger.evaluation.metrics import Metrics, measure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagger.evaluation.metrics import Prediction
    from tagger.records import Record

ROUNDS = 300


def bootstrap(
    records: Sequence[Record], predictions: Sequence[Prediction], seed: int = 0
) -> dict[str, tuple[float, float]]:
    """2.5 and 97.5 percentiles of every figure over resampled exchanges (Efron, 1979)."""
    rng = np.random.default_rng(seed)
    drawn: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        rows = rng.integers(0, len(records), len(records))
        figures = measure([records[i] for i in rows], [predictions[i] for i in rows])
        for name, value in cast("dict[str, float | None]", figures).items():
            if value is not None and name != "n":
                drawn.setdefault(name, []).append(value)
    return {
        name: (float(np.percentile(v, 2.5)), float(np.percentile(v, 97.5)))
        for name, v in drawn.items()
    }


def with_interval(figures: Metrics, intervals: dict[str, tuple[float, float]], name: str) -> str:
    """A figure as text, `91.2 (89.5-92.8)`, in per cent; `-` where undefined."""
    value = cast("dict[str, float | None]", figures)[name]
    if value is None:
        return "-"
    low, high = intervals[name]
    return f"{100 * value:.1f} ({100 * low:.1f}-{100 * high:.1f})"


def reader_agreement(records: Sequence[Record]) -> dict[str, float]:
    """First against blind second reader, over the records that have both.

    Returns:
        n; emotion_strict; emotion_lenient (either reader's `also` counts); emotion_kappa
        (Cohen, 1960); celebrate; celebrate_kappa.
    """
    both = [r for r in records if r.second and r.emotion and r.celebrate]
    if not both:
        return {"n": 0}
    emotions = [(str(r.emotion), r.second.emotion) for r in both if r.second]
    celebrates = [(str(r.celebrate), r.second.celebrate) for r in both if r.second]
    lenient = [
        r.emotion == r.second.emotion or r.second.emotion in r.also or r.emotion in r.second.also
        for r in both
        if r.second
    ]
    return {
        "n": len(both),
        "emotion_strict": sum(a == b for a, b in emotions) / len(both),
        "emotion_lenient": sum(lenient) / len(both),
        "emotion_kappa": _kappa(emotions),
        "celebrate": sum(a == b for a, b in celebrates) / len(both),
        "celebrate_kappa": _kappa(celebrates),
    }


def _kappa(pairs: Sequence[tuple[str, str]]) -> float:
    n = len(pairs)
    observed = sum(a == b for a, b in pairs) / n
    names = {x for pair in pairs for x in pair}
    expected = sum(
        (sum(a == name for a, _ in pairs) / n) * (sum(b == name for _, b in pairs) / n)
        for name in names
    )
    return (observed - expected) / (1 - expected) if expected < 1 else 1.0
