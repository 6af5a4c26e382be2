"""From data to a serving engine, with the user's own labels and any backbone."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch")
pytestmark = [pytest.mark.training, pytest.mark.filterwarnings("ignore")]

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import Whitespace
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from tagger.cli import main
from tagger.engine import Engine


def train(project, out, *more) -> int:
    return main(["train", "--data", str(project / "data"), "--out", str(out), *more])


def test_a_users_own_label_set_trains_and_serves_without_a_change_of_code(project, capsys):
    out = project / "engine"
    report = project / "REPORT.md"
    assert train(project, out, "--report", str(report)) == 0
    assert Engine.load(out).table.labels.names == ("still", "glowing", "wavy")
    assert "int8 agrees with float" in capsys.readouterr().out
    test = project / "data" / "three.jsonl"
    assert main(["eval", str(test), "--engine", str(out), "--json"]) == 0
    overall = json.loads(capsys.readouterr().out)["overall"]
    assert overall["emotion_strict"] > 0.9
    assert overall["celebrate_f1"] > 0.9
    text = report.read_text()
    assert "## By language and slice" in text
    assert (project / "report" / "confusion.png").stat().st_size > 1000


@pytest.fixture
def backbone(project):
    """A tiny BERT with a vocabulary of its own, saved as the hub would."""
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "số",
        "giỏi",
        "quá",
        "đúng",
        "là",
        "vì",
        "sao",
        "cậu",
        "chọn",
        "một",
        "con",
        "ạ",
        ".",
        "!",
        "?",
    ]
    words += [str(i) for i in range(100)]
    inner = Tokenizer(WordPiece({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    inner.pre_tokenizer = Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        cls_token="[CLS]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        unk_token="[UNK]",
        mask_token="[MASK]",
    )
    directory = project / "backbone"
    tokenizer.save_pretrained(directory)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=4,
        intermediate_size=64,
    )
    BertModel(config).save_pretrained(directory)
    return directory


def test_any_local_backbone_is_fine_tuned_with_its_own_tokenizer(project, backbone, capsys):
    out = project / "engine"
    assert train(project, out, "--backbone", str(backbone)) == 0
    capsys.readouterr()
    assert main(["eval", str(project / "data/three.jsonl"), "--engine", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["overall"]["emotion_strict"] > 0.8


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("recipe.toml", "layers = 1", "layer = 1", "recipe.toml: model.layer: Extra inputs"),
        ("recipe.toml", "seed = 3", "seed = ", "recipe.toml is not TOML"),
        ("labels.toml", '"wavy"', '"Wavy"', "labels.toml is no label set"),
        ("labels.toml", '"wavy"', '"curly"', "is labelled 'wavy'; the label set has"),
        ("data/splits.toml", '"two"', '"ten"', "names ten, but there is no such file"),
        ("data/one.jsonl", '"yes"', '"maybe"', "one.jsonl:2: celebrate"),
    ],
)
def test_wrong_inputs_are_one_line_before_any_training(project, capsys, file, old, new, message):
    path = project / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    assert train(project, project / "engine") == 2
    err = capsys.readouterr().err
    assert message in err
    assert not (project / "engine").exists()


@pytest.mark.parametrize("flag", ["--out", "--work"])
def test_a_directory_of_somebody_elses_is_never_cleared(project, capsys, flag):
    precious = project / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years")
    out = precious if flag == "--out" else project / "engine"
    assert train(project, out, *([flag, str(precious)] if flag == "--work" else [])) == 2
    assert "precious is not empty" in capsys.readouterr().err
    assert (precious / "thesis.txt").exists()


def test_the_layers_of_a_local_base_are_taken(project, backbone, capsys):
    recipe = project / "recipe.toml"
    (project / "glosses.tsv").write_text("đúng\tlà\n")
    base = f'[base]\nsource = "{backbone}"\nlayers = [0]\npieces = 50\nglosses = "glosses.tsv"\n'
    recipe.write_text(recipe.read_text() + base)
    assert train(project, project / "engine") == 0
    capsys.readouterr()
    test = project / "data/three.jsonl"
    assert main(["eval", str(test), "--engine", str(project / "engine"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["overall"]["emotion_strict"] > 0.8


def test_a_missing_backbone_is_one_line(project, capsys):
    assert train(project, project / "engine", "--backbone", str(project / "nowhere")) == 2
    assert "cannot load the tokenizer of" in capsys.readouterr().err
