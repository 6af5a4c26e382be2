"""The shipped engine keeps what it promises, on batches that training never saw."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagger.config import Settings
from tagger.engine import Engine, shipped_engine
from tagger.evaluation.metrics import measure, measure_by
from tagger.evaluation.predict import predict_local
from tagger.training.data import load_dataset

DATA = Path(__file__).parent.parent / "engines" / "encoder" / "data"


@pytest.fixture(scope="module")
def scored():
    records = load_dataset(DATA, Engine.load(shipped_engine()).table.labels).test
    return records, predict_local(Settings(), [r.exchange() for r in records])


def test_overall(scored):
    found = measure(*scored)
    assert found["emotion_strict"] >= 0.88
    assert found["emotion_lenient"] >= 0.93
    assert found["emotion_macro_f1"] >= 0.86
    assert found["celebrate_f1"] >= 0.94
    assert found["false_celebrate_rate"] <= 0.03


def test_no_language_is_left_behind(scored):
    for found in measure_by(*scored, lambda r: r.lang).values():
        assert found["emotion_strict"] >= 0.82
        assert found["celebrate_f1"] >= 0.88


def test_no_slice_is_celebrated_by_mistake_often(scored):
    for name, found in measure_by(*scored, lambda r: r.slice).items():
        # opinion_agreed is the weakest, at 11 %; the aim is 3 %
        assert (found["false_celebrate_rate"] or 0) <= 0.15, name
