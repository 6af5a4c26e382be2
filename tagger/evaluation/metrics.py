"""Accuracy of predictions against labelled exchanges; pure, over parallel lists."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tagger.records import Record


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a tagger said of one exchange."""

    emotion: str
    celebrate: bool
    emotion_confidence: float
    celebrate_probability: float


class Metrics(TypedDict):
    """Figures of one group of exchanges; None where nothing in the group defines it.

    Precision is None when nothing was celebrated, recall and F1 when nothing should be,
    the false-celebrate rate when everything should be.
    """

    n: int
    emotion_strict: float | None
    emotion_lenient: float | None
    emotion_macro_f1: float | None
    celebrate_accuracy: float | None
    celebrate_precision: float | None
    celebrate_recall: float | None
    celebrate_f1: float | None
    false_celebrate_rate: float | None


class Evaluation(TypedDict):
    """Figures overall and by group."""

    overall: Metrics
    by_lang: dict[str, Metrics]
    by_slice: dict[str, Metrics]


def evaluate(records: Sequence[Record], predictions: Sequence[Prediction]) -> Evaluation:
    """Score predictions, overall and by language and slice."""
    return Evaluation(
        overall=measure(records, predictions),
        by_lang=measure_by(records, predictions, lambda r: r.lang),
        by_slice=measure_by(records, predictions, lambda r: r.slice),
    )


def measure_by(
    records: Sequence[Record],
    predictions: Sequence[Prediction],
    key: Callable[[Record], str],
) -> dict[str, Metrics]:
    """`measure` for each value of `key`, in alphabetical order."""
    groups: dict[str, tuple[list[Record], list[Prediction]]] = defaultdict(lambda: ([], []))
    for record, prediction in zip(records, predictions, strict=True):
        group = groups[key(record)]
        group[0].append(record)
        group[1].append(prediction)
    return {name: measure(*groups[name]) for name in sorted(groups)}


def measure(records: Sequence[Record], predictions: Sequence[Prediction]) -> Metrics:
    """All figures of one group.

    An emotion of None with `also` counts for the lenient score alone; without, and a
    celebrate of None, the exchange is left out of that figure.
    """
    pairs = list(zip(records, predictions, strict=True))
    strict = [p.emotion == r.emotion for r, p in pairs if r.emotion is not None]
    lenient = [
        p.emotion == r.emotion or p.emotion in r.also
        for r, p in pairs
        if r.emotion is not None or r.also
    ]
    labelled = [(r.emotion, p.emotion) for r, p in pairs if r.emotion is not None]
    judged = [(r.celebrate == "yes", p.celebrate) for r, p in pairs if r.celebrate is not None]
    hits = sum(gold and said for gold, said in judged)
    golds = sum(gold for gold, _ in judged)
    saids = sum(said for _, said in judged)
    return Metrics(
        n=len(pairs),
        emotion_strict=_share(sum(strict), len(strict)),
        emotion_lenient=_share(sum(lenient), len(lenient)),
        emotion_macro_f1=macro_f1(labelled),
        celebrate_accuracy=_share(sum(gold == said for gold, said in judged), len(judged)),
        celebrate_precision=_share(hits, saids),
        celebrate_recall=_share(hits, golds),
        celebrate_f1=_share(2 * hits, golds + saids) if golds else None,
        false_celebrate_rate=_share(saids - hits, len(judged) - golds),
    )


def macro_f1(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Mean F1 over the labels that occur as gold, from (gold, predicted) pairs."""
    labels = sorted({gold for gold, _ in pairs})
    scores = []
    for label in labels:
        hits = sum(gold == label == said for gold, said in pairs)
        total = sum(gold == label for gold, _ in pairs) + sum(said == label for _, said in pairs)
        scores.append(2 * hits / total)
    return sum(scores) / len(scores) if scores else None


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def calibration_error(confidences: Sequence[float], hits: Sequence[bool], bins: int = 10) -> float:
    """Expected calibration error with equal-width bins (Guo et al., 2017).

    Args:
        confidences: probability given to the prediction, each in [0, 1].
        hits: whether it was right.
        bins: number of bins.

    Returns:
        Mean absolute gap of confidence and accuracy, weighted by bin size, in [0, 1].
    """
    groups: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for confidence, hit in zip(confidences, hits, strict=True):
        groups[min(int(confidence * bins), bins - 1)].append((confidence, hit))
    gap = sum(abs(sum(c for c, _ in g) - sum(h for _, h in g)) for g in groups.values())
    return gap / len(confidences) if confidences else 0.0
