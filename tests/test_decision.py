import numpy as np
import pytest

from tagger.decision import decide
from tagger.engine import DecisionTable
from tagger.labels import LabelSet
from tagger.types import Outcome, Scores

LABELS = LabelSet.model_validate(
    {
        "safe_default": "calm",
        "celebrate_meaning": "right",
        "emotions": [{"name": n, "meaning": n} for n in ("calm", "glad", "cross")],
    }
)
THRESHOLDS = DecisionTable(
    celebrate_threshold=0.7,
    low_confidence=0.5,
    emotion_temperature=1,
    celebrate_temperature=1,
)


def scores(*emotion: float, celebrate: float = 0.0) -> Scores:
    return Scores(np.array(emotion, dtype=np.float32), celebrate)


def test_the_most_probable_emotion_wins():
    decision = decide(scores(0.1, 0.8, 0.1), LABELS, THRESHOLDS)
    assert decision.emotion == "glad"
    assert decision.emotion_confidence == pytest.approx(0.8)
    assert decision.outcome is Outcome.FULL
    assert decision.reason == ""


@pytest.mark.parametrize(("probability", "expected"), [(0.69, False), (0.7, True), (1.0, True)])
def test_celebration_starts_at_the_threshold(probability, expected):
    decision = decide(scores(1, 0, 0, celebrate=probability), LABELS, THRESHOLDS)
    assert decision.celebrate is expected


def test_low_confidence_keeps_the_best_guess_and_says_so():
    decision = decide(scores(0.35, 0.33, 0.32), LABELS, THRESHOLDS)
    assert decision.emotion == "calm"
    assert decision.outcome is Outcome.LOW_CONFIDENCE
    assert "0.35 is below 0.50" in decision.reason
