"""Scores to a decision: pure, no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagger.types import Outcome

if TYPE_CHECKING:
    from tagger.engine import DecisionTable
    from tagger.labels import LabelSet
    from tagger.types import Scores


@dataclass(frozen=True, slots=True)
class Decision:
    """The labels that go out and how sure they are."""

    emotion: str
    celebrate: bool
    emotion_confidence: float
    outcome: Outcome
    reason: str


def decide(scores: Scores, labels: LabelSet, thresholds: DecisionTable) -> Decision:
    """Most probable emotion; celebrate at or above the threshold.

    Below `thresholds.low_confidence` the labels still are the best guess, and the outcome
    says so.

    Args:
        scores: emotion *Shape:* (len(labels.emotions),).
        labels: gives the names in output order.
        thresholds: of the engine that made the scores.
    """
    best = int(scores.emotion.argmax())
    confidence = float(scores.emotion[best])
    low = confidence < thresholds.low_confidence
    return Decision(
        emotion=labels.emotions[best].name,
        celebrate=scores.celebrate >= thresholds.celebrate_threshold,
        emotion_confidence=confidence,
        outcome=Outcome.LOW_CONFIDENCE if low else Outcome.FULL,
        reason=(
            f"emotion confidence {confidence:.2f} is below {thresholds.low_confidence:.2f}"
            if low
            else ""
        ),
    )
