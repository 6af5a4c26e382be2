"""The report of an engine: every figure, on the test batches, with where it comes from.

python -m tagger.training.report --data DIR --engine DIR --report REPORT.md
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tagger.config import Settings
from tagger.engine import MODEL_FILE, Engine
from tagger.errors import TaggerError
from tagger.evaluation.intervals import bootstrap, with_interval
from tagger.evaluation.metrics import calibration_error, evaluate, measure, measure_by
from tagger.evaluation.predict import predict_local
from tagger.evaluation.table import COLUMNS, as_markdown, markdown
from tagger.tokenizer import ExchangeTokenizer
from tagger.training import plots
from tagger.training.augment import asr_noise, drop_diacritics, strip_emoji
from tagger.training.build import agreement
from tagger.training.curate import AGREEMENT_FILE
from tagger.training.data import load_dataset

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagger.evaluation.metrics import Metrics, Prediction
    from tagger.records import Record
    from tagger.training.data import Dataset
    from tagger.types import Exchange

N_ERRORS = 50
NOISE_SEED = 1
CARD = "CARD.md"
"""The model card and datasheet, written by people, kept beside the recipe."""


@dataclass(frozen=True)
class _Scored:
    """Test records and what the shipped engine says of them."""

    records: list[Record]
    predictions: list[Prediction]


def write_report(
    *, data: Path, engine: Path, report: Path, float_model: Path | None = None
) -> None:
    """Evaluate an engine on the test split and write Markdown with pictures beside it.

    Args:
        data: the engine's data directory.
        engine: the engine directory.
        report: the file to write; pictures go into `report/` beside it.
        float_model: the float graph of the same weights, for the agreement; None leaves the
            figure out, since only a build has that graph.
    """
    loaded = Engine.load(engine)
    labels = loaded.table.labels
    dataset = load_dataset(data, labels)
    settings = Settings(engine=engine)
    scored = _Scored(dataset.test, predict_local(settings, [r.exchange() for r in dataset.test]))
    pictures = report.parent / "report"
    pictures.mkdir(parents=True, exist_ok=True)
    _draw(scored, list(labels.names), pictures)
    card = report.parent / CARD
    parts = [
        f"# Report of the engine `{loaded.version}`",
        "Written by `tagger train` and `make eval`; do not edit. All shares in per cent, measured "
        "through the int8 engine on the test batches, which neither training nor thresholds saw.",
        _headline(scored),
        "## By language and slice",
        as_markdown(evaluate(scored.records, scored.predictions)),
        "## By batch and by length of the reply",
        markdown([*_groups(scored, _batch), *_groups(scored, _length)]),
        "## Robustness",
        _robustness(scored, settings),
        "## Confusion and calibration",
        "![confusion matrix](report/confusion.png)\n\n![reliability](report/reliability.png)",
        *_int8(dataset, loaded, float_model),
        "## Agreement of two readers",
        _agreement(data),
        "## The data in numbers",
        _counts(dataset),
        "## Worst errors",
        _errors(scored),
        *([card.read_text(encoding="utf-8").strip()] if card.exists() else []),
    ]
    report.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _headline(scored: _Scored) -> str:
    figures = measure(scored.records, scored.predictions)
    intervals = bootstrap(scored.records, scored.predictions)
    calibration = _calibration(scored)
    rows = [
        f"| {title} | {with_interval(figures, intervals, name)} |"
        for name, title in COLUMNS.items()
        if name != "n"
    ]
    rows += [f"| ECE {name} | {100 * value:.1f} |" for name, value in calibration.items()]
    head = f"| {figures['n']} exchanges | share (95 % interval) |\n|---|---|\n"
    return head + "\n".join(rows)


def _hits(scored: _Scored) -> dict[str, tuple[list[float], list[bool]]]:
    """Confidence and correctness of each head, where labelled."""
    pairs = list(zip(scored.records, scored.predictions, strict=True))
    emotion = [(p.emotion_confidence, p.emotion == r.emotion) for r, p in pairs if r.emotion]
    celebrate = [(p.celebrate_probability, r.celebrate == "yes") for r, p in pairs if r.celebrate]
    # the probability of the likelier answer, so that both ends of the scale count
    celebrate = [(max(c, 1 - c), yes == (c >= 0.5)) for c, yes in celebrate]
    return {
        "emotion": ([c for c, _ in emotion], [h for _, h in emotion]),
        "celebrate": ([c for c, _ in celebrate], [h for _, h in celebrate]),
    }


def _calibration(scored: _Scored) -> dict[str, float]:
    return {name: calibration_error(*pairs) for name, pairs in _hits(scored).items()}


def _draw(scored: _Scored, names: list[str], pictures: Path) -> None:
    labelled = [
        (str(r.emotion), p.emotion)
        for r, p in zip(scored.records, scored.predictions, strict=True)
        if r.emotion
    ]
    plots.confusion(
        pictures / "confusion.png", [g for g, _ in labelled], [s for _, s in labelled], names
    )
    plots.reliability(pictures / "reliability.png", _hits(scored))


def _batch(record: Record) -> str:
    return f"batch {record.id.rpartition('-')[0]}"


def _length(record: Record) -> str:
    n = len(record.pika_reply.split())
    return next(name for limit, name in LENGTHS if n <= limit)


LENGTHS = (
    (6, "reply up to 6 words"),
    (25, "reply of 7 to 25 words"),
    (sys.maxsize, "reply over 25 words"),
)


def _groups(scored: _Scored, key: Callable[[Record], str]) -> list[tuple[str, Metrics]]:
    return list(measure_by(scored.records, scored.predictions, key).items())


def _robustness(scored: _Scored, settings: Settings) -> str:
    """The same test exchanges, perturbed; each against the unperturbed ones it changes."""
    rng = random.Random(NOISE_SEED)
    changes: dict[str, Callable[[Exchange], Exchange]] = {
        "child without diacritics": lambda e: replace(
            e, child_utterance=drop_diacritics(e.child_utterance)
        ),
        "reply without emoji": lambda e: replace(e, pika_reply=strip_emoji(e.pika_reply)),
        "child with recognition noise": lambda e: replace(
            e, child_utterance=asr_noise(e.child_utterance, rng)
        ),
        "history left out": lambda e: replace(e, history=()),
    }
    rows: list[tuple[str, Metrics]] = []
    for name, change in changes.items():
        exchanges = [r.exchange() for r in scored.records]
        changed = [change(e) for e in exchanges]
        at = [i for i, (a, b) in enumerate(zip(exchanges, changed, strict=True)) if a != b]
        if not at:
            continue
        records = [scored.records[i] for i in at]
        before = [scored.predictions[i] for i in at]
        after = predict_local(settings, [changed[i] for i in at])
        rows.append((f"{name}: before", measure(records, before)))
        rows.append((f"{name}: after", measure(records, after)))
    return markdown(rows)


def _int8(dataset: Dataset, engine: Engine, float_model: Path | None) -> list[str]:
    made_from = float_model.with_suffix(".of") if float_model else None
    if float_model is None or made_from is None or not made_from.exists():
        return []
    if made_from.read_text() != engine.table.files[MODEL_FILE]:
        return ["## int8 against float", "Not measured: the float graph is of another build."]
    table = engine.table
    tokenizer = ExchangeTokenizer.from_file(
        engine.tokenizer_path, table.input, table.input.cls_token, table.input.sep_token
    )
    shares = agreement(dataset.test, tokenizer, float_model, engine.model_path, table.decision)
    text = ", ".join(f"{name} {100 * value:.2f}" for name, value in shares.items())
    return ["## int8 against float", f"Same label from both graphs: {text}."]


def _agreement(data: Path) -> str:
    """What `curate` measured before it dropped conflicts."""
    path = data / AGREEMENT_FILE
    if not path.exists():
        return "Not measured: the data has no second reader."
    found = json.loads(path.read_text(encoding="utf-8"))
    lines = ["| split | n | emotion strict | lenient | kappa | celebrate | kappa | dropped |"]
    lines.append("|---|" + "---:|" * 7)
    names = ("emotion_strict", "emotion_lenient", "emotion_kappa", "celebrate", "celebrate_kappa")
    for split, row in found.items():
        if row["n"]:
            cells = " | ".join(f"{100 * row[k]:.1f}" for k in names)
            lines.append(f"| {split} | {row['n']} | {cells} | {row['dropped']} |")
    return "\n".join(lines)


def _counts(dataset: Dataset) -> str:
    splits: dict[str, list[Record]] = {
        name: getattr(dataset, name) for name in ("train", "validation", "test")
    }
    langs = sorted({r.lang for records in splits.values() for r in records})
    lines = [f"| split | exchanges | {' | '.join(langs)} | yes | with history |"]
    lines.append("|---|" + "---:|" * (len(langs) + 3))
    for name, records in splits.items():
        by_lang = Counter(r.lang for r in records)
        yes = sum(r.celebrate == "yes" for r in records)
        history = sum(bool(r.history) for r in records)
        cells = [len(records), *(by_lang[lang] for lang in langs), yes, history]
        lines.append(f"| {name} | {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def _errors(scored: _Scored) -> str:
    """Celebrations in the wrong first, then the most confident wrong emotions."""
    wrong = []
    for r, p in zip(scored.records, scored.predictions, strict=True):
        bad_celebrate = r.celebrate is not None and p.celebrate != (r.celebrate == "yes")
        bad_emotion = r.emotion is not None and p.emotion != r.emotion and p.emotion not in r.also
        if bad_celebrate or bad_emotion:
            weight = p.celebrate_probability if bad_celebrate else p.emotion_confidence
            wrong.append((bad_celebrate, weight, r, p))
    wrong.sort(key=lambda w: (not w[0], -w[1]))
    confused = Counter(
        (str(r.emotion), p.emotion) for bad, _, r, p in wrong if not bad
    ).most_common(5)
    common = ", ".join(f"{gold} read as {said} ({n})" for (gold, said), n in confused)
    lines = [
        f"{len(wrong)} of {len(scored.records)} exchanges have a wrong celebrate or an emotion "
        f"nobody accepts. Most frequent confusions: {common}.",
        "",
        "| slice | child | Pika | labelled | said |",
        "|---|---|---|---|---|",
    ]
    for _, _, r, p in wrong[:N_ERRORS]:
        labelled = f"{r.emotion}{'*' if r.celebrate == 'yes' else ''}"
        said = f"{p.emotion}{'*' if p.celebrate else ''} {p.emotion_confidence:.2f}"
        cells = (r.slice, r.child_utterance, r.pika_reply, labelled, said)
        lines.append("| " + " | ".join(c.replace("|", "/") for c in cells) + " |")
    lines.append("\n`*` celebrates.")
    return "\n".join(lines)


def main() -> int:
    """Command line of `make eval`."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--engine", type=Path, required=True)
    parser.add_argument("--report", type=Path, required=True)
    parser.add_argument("--float-model", type=Path, help="of the same build, for the agreement")
    args = parser.parse_args()
    try:
        write_report(
            data=args.data, engine=args.engine, report=args.report, float_model=args.float_model
        )
    except TaggerError as e:
        parser.exit(2, f"tagger: {e}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
