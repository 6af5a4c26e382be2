from __future__ import annotations

import json

import pytest

from tagger.cli import main
from tagger.config import Settings
from tagger.errors import DataError
from tagger.evaluation.distill import distill
from tagger.records import Record, read_jsonl

POOL = [Record(child_utterance=f"{i} ạ", pika_reply="Đúng rồi!") for i in range(6)]


def test_every_exchange_gets_probabilities_and_a_stopped_run_goes_on(tmp_path):
    out = tmp_path / "soft.jsonl"
    assert distill(Settings(), POOL[:3], out) == 3
    with out.open("a") as sink:
        sink.write('{"child_utterance": "3')  # torn by a kill
    assert distill(Settings(), POOL, out) == 3
    records = read_jsonl(out)
    assert [r.child_utterance for r in records] == [r.child_utterance for r in POOL]
    for record in records:
        assert sum(record.soft.emotion.values()) == pytest.approx(1, abs=1e-3)
        assert record.soft.teacher.startswith("encoder-")
    assert distill(Settings(), POOL, out) == 0


def test_a_full_disk_or_an_odd_target_is_one_line(tmp_path, capsys, monkeypatch):
    pool = tmp_path / "pool.jsonl"
    pool.write_text("".join(r.model_dump_json(exclude_none=True) + "\n" for r in POOL))
    assert main(["distill", str(pool), "--out", "/dev/full"]) == 2
    assert "is no ordinary file" in capsys.readouterr().err
    # the device stands for a disk without room
    monkeypatch.setattr("tagger.evaluation.distill._resume", lambda *_: 0)
    assert main(["distill", str(pool), "--out", "/dev/full"]) == 1
    assert capsys.readouterr().err.startswith("tagger: No space left on device")


def test_the_file_of_another_pool_is_refused(tmp_path):
    out = tmp_path / "soft.jsonl"
    out.write_text(json.dumps({"child_utterance": "x", "pika_reply": "y"}) + "\n")
    with pytest.raises(DataError, match="is not exchange 1 of the pool"):
        distill(Settings(), POOL, out)
