"""An evaluation as a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagger.evaluation.metrics import Evaluation, Metrics

COLUMNS = {
    "n": "n",
    "emotion_strict": "strict",
    "emotion_lenient": "lenient",
    "emotion_macro_f1": "macro-F1",
    "celebrate_accuracy": "cel acc",
    "celebrate_precision": "cel prec",
    "celebrate_recall": "cel rec",
    "celebrate_f1": "cel F1",
    "false_celebrate_rate": "false cel",
}


def rows(evaluation: Evaluation) -> list[tuple[str, Metrics]]:
    """Named rows: overall, then languages, then slices."""
    return [
        ("overall", evaluation["overall"]),
        *((f"lang {name}", m) for name, m in evaluation["by_lang"].items()),
        *(evaluation["by_slice"].items()),
    ]


def cells(metrics: Metrics) -> list[str]:
    """One cell a column; shares in per cent, `-` where undefined."""
    values = cast("dict[str, float | None]", metrics)
    out = []
    for key in COLUMNS:
        value = values[key]
        out.append("-" if value is None else str(value) if key == "n" else f"{100 * value:.1f}")
    return out


def as_text(evaluation: Evaluation) -> str:
    """Aligned columns, shares in per cent."""
    lines = [("", list(COLUMNS.values()))] + [(n, cells(m)) for n, m in rows(evaluation)]
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:<{width}} " + " ".join(f"{c:>9}" for c in row) for name, row in lines)


def as_markdown(evaluation: Evaluation) -> str:
    """The same as a Markdown table."""
    return markdown(rows(evaluation))


def markdown(named: Sequence[tuple[str, Metrics]]) -> str:
    """Named figures as a Markdown table."""
    head = f"| | {' | '.join(COLUMNS.values())} |\n|---|{'---:|' * len(COLUMNS)}\n"
    return head + "\n".join(f"| {name} | {' | '.join(cells(m))} |" for name, m in named)
