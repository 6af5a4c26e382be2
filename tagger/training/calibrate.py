"""Temperatures and the celebrate threshold, chosen on validation data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

TEMPERATURES = np.geomspace(0.4, 3.0, 80)


def emotion_temperature(logits: Floats, gold: npt.NDArray[np.int64]) -> float:
    """The temperature of least negative log-likelihood (Guo et al., 2017).

    Args:
        logits: *Shape:* (n, n_emotions).
        gold: index of the right emotion, *Shape:* (n,).
    """

    def loss(temperature: float) -> float:
        z = logits / temperature
        z = z - z.max(1, keepdims=True)
        log_p = z - np.log(np.exp(z).sum(1, keepdims=True))
        return float(-log_p[np.arange(len(gold)), gold].mean())

    return float(min(TEMPERATURES, key=loss))


def celebrate_temperature(logits: Floats, gold: npt.NDArray[np.bool_]) -> float:
    """The same for the binary head; logits and gold have *Shape:* (n,)."""
    signed = np.where(gold, logits, -logits)
    return float(min(TEMPERATURES, key=lambda t: float(np.logaddexp(0, -signed / t).mean())))


def celebrate_threshold(
    probabilities: Floats, gold: npt.NDArray[np.bool_], max_false_rate: float
) -> float:
    """The threshold of best F1 among those that keep false celebrations at the ceiling.

    Where several are equally good the middle of their range is taken, so that the choice
    does not hang on one exchange.

    Args:
        probabilities: calibrated, *Shape:* (n,).
        gold: whether to celebrate, *Shape:* (n,).
        max_false_rate: most of the `no` exchanges that may be celebrated.
    """
    candidates = np.linspace(0.2, 0.98, 79)
    best, chosen = -1.0, [float(candidates[-1])]
    for t in candidates:
        said = probabilities >= t
        if (said & ~gold).sum() > max_false_rate * max((~gold).sum(), 1):
            continue
        f1 = 2 * float((said & gold).sum()) / max(float(said.sum() + gold.sum()), 1.0)
        if f1 > best + 1e-9:
            best, chosen = f1, [float(t)]
        elif abs(f1 - best) <= 1e-9:
            chosen.append(float(t))
    return round(float(np.median(chosen)), 3)
