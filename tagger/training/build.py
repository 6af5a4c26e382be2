"""Data to engine, step by step; what a killed run has finished is not done again.

tagger train --data engines/encoder/data --out my-engine
"""

from __future__ import annotations

import hashlib
import shutil
import tomllib
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from pydantic import ValidationError
from tokenizers import Tokenizer

from tagger.engine import ENGINE_FILE, TOKENIZER_FILE, DecisionTable, InputTable
from tagger.errors import ConfigError
from tagger.labels import LabelSet
from tagger.tokenizer import ExchangeTokenizer
from tagger.training import calibrate
from tagger.training.augment import drop_diacritics
from tagger.training.data import Dataset, load_dataset, near_duplicates
from tagger.training.export import export_onnx, run_onnx, sha256, write_engine
from tagger.training.finetune import finetune
from tagger.training.generate import generate
from tagger.training.model import Encoder, TaggerModel, build_encoder, load_backbone
from tagger.training.pretrain import pretrain
from tagger.training.recipe import Recipe, load_recipe
from tagger.training.tokenizers import train_tokenizer
from tagger.training.transplant import load_tokenizer, read_glosses, resolve, transplant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tagger.records import Record

MARK_FILE = "inputs.sha256"
FLOAT_FILE = "float.onnx"
"""The float graph; beside it, with suffix `.of`, the hash of the int8 graph made from it."""
N_CALIBRATION = 300
"""Training exchanges whose activations set the smoothing scales."""


def build(
    *,
    data: Path,
    labels: Path,
    recipe: Path,
    out: Path,
    work: Path,
    backbone: str | None = None,
    report: Path | None = None,
) -> None:
    """Train an engine and write it to `out`.

    Args:
        data: directory of `*.jsonl` with `splits.toml`.
        labels: the label set to train for.
        recipe: the numbers.
        out: the engine directory; replaced when everything has succeeded.
        work: checkpoints; reused when data, labels and recipe are the same.
        backbone: fine-tune this pretrained encoder with its own tokenizer instead.
        report: where to write the report, if anywhere.

    Raises:
        TaggerError: one of the inputs is wrong.
    """
    label_set = load_labels(labels)
    settings = load_recipe(recipe)
    dataset = load_dataset(data, label_set)
    content = recipe.parent / settings.generator if settings.generator else None
    generated = generate(settings.finetune.generated, settings.seed, label_set, content)
    held_out = dataset.validation + dataset.test
    doubles = {left for left, _, _ in near_duplicates(generated, held_out)}
    generated = [r for r in generated if r.id not in doubles]
    glosses = _glosses(settings, recipe)
    _refuse_foreign(out, ENGINE_FILE, "--out")
    _refuse_foreign(work, MARK_FILE, "--work")
    inputs = [*sorted(data.glob("*.jsonl")), data / "splits.toml", labels, recipe]
    if content:
        inputs.append(content)
    if settings.base and settings.base.glosses:
        inputs.append(recipe.parent / settings.base.glosses)
    _prepare(work, inputs, backbone)
    torch.manual_seed(settings.seed)
    train = dataset.train + generated
    print(
        f"{len(dataset.train)} composed and {len(generated)} generated exchanges to train on, "
        f"{len(dataset.validation)} to validate, {len(dataset.test)} to test"
    )
    tokenizer = _tokenizer(train, settings, work, backbone)
    slices = sorted({r.slice for r in train})
    model = _train(train, slices, tokenizer, label_set, settings, glosses, work, backbone)
    print("exporting")
    staged = work / "engine"
    shutil.rmtree(staged, ignore_errors=True)
    rng = Random(settings.seed)
    calibration = [
        tokenizer.encode(r.exchange()) for r in rng.sample(train, min(N_CALIBRATION, len(train)))
    ]
    floats, int8 = export_onnx(model, calibration, staged)
    floats.replace(work / FLOAT_FILE)
    (work / FLOAT_FILE).with_suffix(".of").write_text(sha256(int8))
    tokenizer.tokenizer.save(str(staged / TOKENIZER_FILE))
    decision = choose_decision(dataset.validation, tokenizer, int8, label_set, settings)
    write_engine(
        staged,
        name="encoder",
        version=settings.version,
        labels=label_set,
        input_table=InputTable(
            **settings.input.model_dump(), cls_token=tokenizer.cls, sep_token=tokenizer.sep
        ),
        decision=decision,
    )
    _say_agreement(dataset, tokenizer, work / FLOAT_FILE, int8, decision)
    beside = out.with_name(out.name + ".new")
    shutil.rmtree(beside, ignore_errors=True)
    shutil.copytree(staged, beside)
    shutil.rmtree(out, ignore_errors=True)
    beside.rename(out)
    size_mb = sum(f.stat().st_size for f in out.iterdir()) / 2**20
    print(f"wrote {out} ({size_mb:.1f} MB)")
    if report is not None:
        from tagger.training.report import write_report

        write_report(data=data, engine=out, report=report, float_model=work / FLOAT_FILE)
        print(f"wrote {report}")


def _refuse_foreign(directory: Path, mark: str, flag: str) -> None:
    """Never clear a directory that this command has not made."""
    if directory.exists() and any(directory.iterdir()) and not (directory / mark).exists():
        raise ConfigError(
            f"{directory} is not empty and has no {mark}: it would be replaced; name a new or "
            f"empty directory with {flag}"
        )


def load_labels(path: Path) -> LabelSet:
    """Read a `labels.toml`; raises ConfigError naming what is wrong."""
    try:
        return LabelSet.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as e:
        raise ConfigError(f"cannot read the label set {path}: {e.strerror}") from e
    except (tomllib.TOMLDecodeError, ValidationError) as e:
        raise ConfigError(f"{path} is no label set: {e}") from e


def _prepare(work: Path, inputs: Iterable[Path], backbone: str | None) -> None:
    """Keep the work of a run on the same inputs, clear any other."""
    digest = hashlib.sha256((backbone or "").encode())
    for file in inputs:
        digest.update(file.read_bytes())
    mark = work / MARK_FILE
    if mark.exists() and mark.read_text() == digest.hexdigest():
        print(f"resuming from {work}")
        return
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    mark.write_text(digest.hexdigest())


def _glosses(settings: Recipe, recipe: Path) -> dict[str, str]:
    if settings.base is None or settings.base.glosses is None:
        return {}
    return read_glosses(recipe.parent / settings.base.glosses)


def texts_of(records: Iterable[Record]) -> list[str]:
    """All texts of the records, as the encoder reads them."""
    return [
        text
        for r in records
        for text in (r.child_utterance, r.pika_reply, *(t.text for t in r.history))
    ]


def _tokenizer(
    records: Sequence[Record], settings: Recipe, work: Path, backbone: str | None
) -> ExchangeTokenizer:
    if backbone is not None:
        own, cls, sep = load_tokenizer(resolve(backbone))
        return ExchangeTokenizer(own, settings.input, cls, sep)
    path = work / TOKENIZER_FILE
    if not path.exists():
        texts = texts_of(records)
        # children's words often come without marks: learn pieces of such spelling, too
        texts += [drop_diacritics(t) for t in texts[::3]]
        base = load_tokenizer(resolve(settings.base.source))[0] if settings.base else None
        pieces = settings.base.pieces if settings.base else 0
        train_tokenizer(texts, settings.model.vocab_size, base, pieces).save(str(path))
    return ExchangeTokenizer(Tokenizer.from_file(str(path)), settings.input)


def _train(
    records: Sequence[Record],
    slices: Sequence[str],
    tokenizer: ExchangeTokenizer,
    labels: LabelSet,
    settings: Recipe,
    glosses: dict[str, str],
    work: Path,
    backbone: str | None,
) -> TaggerModel:
    if backbone is not None:
        encoder = Encoder(load_backbone(resolve(backbone)), tokenizer.sep_id)
    else:
        encoder = build_encoder(settings.model, tokenizer.tokenizer)
        if settings.base is not None:
            english = [r.pika_reply for r in records if r.lang == "en"] or list(glosses.values())
            transplant(
                encoder, tokenizer.tokenizer, settings.base, glosses, english[:N_CALIBRATION]
            )
        if settings.pretrain.epochs:
            exchanges = [r.exchange() for r in records]
            pretrain(encoder, exchanges, tokenizer, settings, work / "pretrain.pt")
    pad_id = getattr(encoder.backbone.config, "pad_token_id", None) or 0
    model = TaggerModel(encoder, len(labels.emotions), len(slices), settings.model.dropout)
    finetune(model, records, slices, tokenizer, pad_id, labels, settings, work / "finetune.pt")
    return model.eval()


def choose_decision(
    records: Sequence[Record],
    tokenizer: ExchangeTokenizer,
    model: Path,
    labels: LabelSet,
    settings: Recipe,
) -> DecisionTable:
    """Temperatures and thresholds of a graph on validation records."""
    emotion, celebrate = run_onnx(model, [tokenizer.encode(r.exchange()) for r in records])
    rows = [i for i, r in enumerate(records) if r.emotion is not None]
    gold = np.array([labels.names.index(str(records[i].emotion)) for i in rows])
    t_emotion = calibrate.emotion_temperature(emotion[rows], gold)
    judged = [i for i, r in enumerate(records) if r.celebrate is not None]
    yes = np.array([records[i].celebrate == "yes" for i in judged])
    t_celebrate = calibrate.celebrate_temperature(celebrate[judged], yes)
    probabilities = 1 / (1 + np.exp(-celebrate[judged] / t_celebrate))
    threshold = calibrate.celebrate_threshold(
        probabilities, yes, settings.decision.max_false_celebrate_rate
    )
    return DecisionTable(
        celebrate_threshold=threshold,
        low_confidence=settings.decision.low_confidence,
        emotion_temperature=round(t_emotion, 4),
        celebrate_temperature=round(t_celebrate, 4),
    )


def agreement(
    records: Sequence[Record],
    tokenizer: ExchangeTokenizer,
    floats: Path,
    int8: Path,
    decision: DecisionTable,
) -> dict[str, float]:
    """Share of labels that float and int8 graph give alike: emotion, celebrate, both."""
    sequences = [tokenizer.encode(r.exchange()) for r in records]
    a, b = run_onnx(floats, sequences), run_onnx(int8, sequences)
    cut = decision.celebrate_temperature * float(
        np.log(decision.celebrate_threshold / (1 - decision.celebrate_threshold))
    )
    emotion = float((a[0].argmax(1) == b[0].argmax(1)).mean())
    celebrate = float(((a[1] >= cut) == (b[1] >= cut)).mean())
    return {"emotion": emotion, "celebrate": celebrate, "labels": (emotion + celebrate) / 2}


def _say_agreement(dataset: Dataset, *args: Any) -> None:
    shares = agreement(dataset.test, *args)
    print("int8 agrees with float: " + ", ".join(f"{k} {100 * v:.2f} %" for k, v in shares.items()))
