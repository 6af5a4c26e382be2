from __future__ import annotations

import pytest

from tagger.evaluation.intervals import bootstrap, reader_agreement
from tagger.evaluation.metrics import (
    Prediction,
    calibration_error,
    evaluate,
    macro_f1,
    measure,
)
from tagger.evaluation.table import as_markdown, as_text
from tagger.records import Record


def record(emotion=None, celebrate=None, also=(), lang="vi", slice_="chat", second=None) -> Record:
    return Record(
        child_utterance="x",
        pika_reply="y",
        emotion=emotion,
        celebrate=celebrate,
        also=list(also),
        lang=lang,
        slice=slice_,
        second=second,
    )


def said(emotion="happy", celebrate=False) -> Prediction:
    return Prediction(emotion, celebrate, 0.9, 0.9 if celebrate else 0.1)


RECORDS = [
    record("happy", "yes"),
    record("sad", "no", also=["happy"]),
    record("sad", "no"),
    record(None, None, also=["happy"]),
    record(None, "yes"),
]
PREDICTIONS = [said("happy", True), said(), said("happy", True), said(), said()]


def test_every_figure_by_hand():
    found = measure(RECORDS, PREDICTIONS)
    assert found["n"] == 5
    assert found["emotion_strict"] == pytest.approx(1 / 3)
    assert found["emotion_lenient"] == pytest.approx(3 / 4)
    assert found["emotion_macro_f1"] == pytest.approx((2 / 4 + 0) / 2)
    assert found["celebrate_accuracy"] == pytest.approx(2 / 4)
    assert found["celebrate_precision"] == pytest.approx(1 / 2)
    assert found["celebrate_recall"] == pytest.approx(1 / 2)
    assert found["celebrate_f1"] == pytest.approx(1 / 2)
    assert found["false_celebrate_rate"] == pytest.approx(1 / 2)


def test_what_nothing_defines_is_none():
    found = measure([record()], [said()])
    assert {k: v for k, v in found.items() if k != "n"} == dict.fromkeys(set(found) - {"n"}, None)


def test_groups_and_tables():
    records = [record("happy", "no", lang=lang) for lang in ("vi", "en", "vi")]
    found = evaluate(records, [said()] * 3)
    assert {k: v["n"] for k, v in found["by_lang"].items()} == {"en": 1, "vi": 2}
    assert found["by_slice"]["chat"]["emotion_strict"] == 1
    assert "100.0" in as_text(found)
    assert as_markdown(found).count("\n") == 5


def test_macro_f1_and_calibration_by_hand():
    assert macro_f1([("a", "a"), ("a", "b"), ("b", "b")]) == pytest.approx(2 / 3)
    assert macro_f1([]) is None
    assert calibration_error([0.95, 0.95, 0.55, 0.55], [True, True, True, False]) == pytest.approx(
        0.05
    )
    assert calibration_error([], []) == 0


def test_intervals_hold_the_figure():
    records = [record("happy", "yes" if i % 3 else "no") for i in range(60)]
    predictions = [said("happy" if i % 5 else "sad", bool(i % 4)) for i in range(60)]
    figures, intervals = measure(records, predictions), bootstrap(records, predictions)
    for name, (low, high) in intervals.items():
        assert low <= figures[name] <= high


def test_agreement_of_readers_by_hand():
    same = {"emotion": "happy", "also": [], "celebrate": "no"}
    other = {"emotion": "sad", "also": ["happy"], "celebrate": "yes"}
    found = reader_agreement(
        [record("happy", "no", second=same), record("happy", "no", second=other), record("sad")]
    )
    assert (found["n"], found["emotion_strict"], found["emotion_lenient"]) == (2, 0.5, 1)
    assert found["celebrate"] == 0.5
