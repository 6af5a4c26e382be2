"""Promises about the shipped data: whole, split by batch, no near-duplicates across splits."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagger.engine import Engine, shipped_engine
from tagger.training.data import load_dataset, near_duplicates

DATA = Path(__file__).parent.parent / "engines" / "encoder" / "data"
YES = {
    "answer_plain",
    "answer_terse",
    "answer_quiet",
    "answer_then_explains",
    "answer_then_asks",
    "answer_translation",
    "fact_volunteered",
}
NO = {
    "opinion",
    "opinion_agreed",
    "personal",
    "idea",
    "effort",
    "achievement_report",
    "wrong",
    "almost",
    "gave_up",
    "child_asks",
    "quiz_posed",
    "third_party",
    "game_luck",
    "repeat",
    "unconfirmed",
    "chat",
}
LABELS = Engine.load(shipped_engine()).table.labels


@pytest.fixture(scope="module")
def dataset():
    return load_dataset(DATA, LABELS)


def test_there_is_enough_of_everything(dataset):
    records = dataset.train + dataset.validation + dataset.test
    assert len(records) >= 10_000
    english = sum(r.lang == "en" for r in records) / len(records)
    assert 0.25 < english < 0.45
    for split in (dataset.train, dataset.test):
        assert {r.slice for r in split} == YES | NO
        assert {r.emotion for r in split} == set(LABELS.names)


def test_celebrate_follows_from_the_slice(dataset):
    for r in dataset.train + dataset.validation + dataset.test:
        assert (r.celebrate == "yes") == (r.slice in YES), r.id


def test_ids_are_unique_and_name_their_batch():
    seen = set()
    for file in DATA.glob("*.jsonl"):
        for line in file.read_text().splitlines():
            name = line.split('"id": "')[1].split('"')[0]
            assert name.startswith(f"{file.stem}-")
            assert name not in seen
            seen.add(name)


def test_no_exchange_of_one_split_is_nearly_in_another(dataset):
    assert near_duplicates(dataset.test, dataset.train) == []
    assert near_duplicates(dataset.validation, dataset.train) == []
    assert near_duplicates(dataset.test, dataset.validation) == []


def test_the_duplicate_finder_finds_duplicates(dataset):
    record = dataset.test[0]
    changed = record.model_copy(update={"pika_reply": record.pika_reply.upper() + "!"})
    assert near_duplicates([changed], dataset.test)[0][1] == record.id
