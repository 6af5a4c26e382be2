"""Pictures of an evaluation: confusion matrix and reliability diagrams."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np

mpl.use("Agg")

import matplotlib.pyplot as plt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

DPI = 110


def confusion(path: Path, gold: Sequence[str], said: Sequence[str], names: Sequence[str]) -> None:
    """Rows are the right labels, columns the predictions, cells counts."""
    counts = np.zeros((len(names), len(names)), dtype=int)
    for g, s in zip(gold, said, strict=True):
        counts[names.index(g), names.index(s)] += 1
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    figure, axes = plt.subplots(figsize=(7.5, 6.5))
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("labelled")
    for row, column in np.argwhere(counts):
        colour = "white" if share[row, column] > 0.5 else "black"
        axes.text(
            column, row, counts[row, column], ha="center", va="center", color=colour, fontsize=7
        )
    figure.tight_layout()
    figure.savefig(path, dpi=DPI)
    plt.close(figure)


def reliability(
    path: Path, heads: Mapping[str, tuple[Sequence[float], Sequence[bool]]], bins: int = 10
) -> None:
    """Accuracy against confidence for each head; the diagonal is perfect calibration.

    Args:
        path: the PNG to write.
        heads: name to (confidences, hits).
        bins: equal-width bins.
    """
    figure, all_axes = plt.subplots(1, len(heads), figsize=(4.5 * len(heads), 4), squeeze=False)
    for axes, (name, (confidences, hits)) in zip(all_axes[0], heads.items(), strict=True):
        which = np.minimum((np.array(confidences) * bins).astype(int), bins - 1)
        for b in range(bins):
            rows = which == b
            if rows.any():
                x, y = np.array(confidences)[rows].mean(), np.array(hits)[rows].mean()
                axes.scatter(x, y, s=10 + 200 * rows.mean(), color="tab:blue")
        axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
        axes.set(title=name, xlabel="confidence", ylabel="share right", xlim=(0, 1), ylim=(0, 1))
    figure.tight_layout()
    figure.savefig(path, dpi=DPI)
    plt.close(figure)
