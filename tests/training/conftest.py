"""A tiny data set with labels of its own, and recipes that train in seconds."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

LABELS = """
safe_default = "still"
celebrate_meaning = "the answer is right"
emotions = [
    { name = "still", meaning = "says how things are" },
    { name = "glowing", meaning = "praises" },
    { name = "wavy", meaning = "asks" },
]
"""
RECIPE = """
seed = 3
[model]
vocab_size = 300
hidden_size = 32
layers = 1
heads = 4
ffn_size = 64
max_positions = 256
dropout = 0.0
[pretrain]
epochs = 1
bf16 = false
[finetune]
epochs = 20
batch_size = 16
learning_rate = 5e-3
bf16 = false
generated = 0
quantized_epochs = 5
ema_decay = 0.9
"""


def row(i: int, rng: random.Random) -> dict:
    number = rng.randint(1, 99)
    kind = ("still", "glowing", "wavy")[i % 3]
    replies = {
        "still": f"Số {number} là một con số.",
        "glowing": f"Giỏi quá, đúng là {number}!",
        "wavy": f"Vì sao cậu chọn số {number}?",
    }
    return {
        "id": f"r-{i}",
        "lang": "vi",
        "child_utterance": f"số {number} ạ",
        "pika_reply": replies[kind],
        "emotion": kind,
        "also": [],
        "celebrate": "yes" if kind == "glowing" else "no",
        "slice": "answer_plain" if kind == "glowing" else "chat",
    }


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """data/ with train, validation and test batches, labels.toml, recipe.toml."""
    rng = random.Random(1)
    data = tmp_path / "data"
    data.mkdir()
    for name, n in (("one", 150), ("two", 60), ("three", 60)):
        lines = (json.dumps(row(i, rng), ensure_ascii=False) for i in range(n))
        (data / f"{name}.jsonl").write_text("\n".join(lines))
    (data / "splits.toml").write_text('validation = ["two"]\ntest = ["three"]\n')
    (tmp_path / "labels.toml").write_text(LABELS)
    (tmp_path / "recipe.toml").write_text(RECIPE)
    return tmp_path
