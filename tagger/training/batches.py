"""Padded mini-batches of token sequences, grouped by length to waste little computation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

CHUNK = 20
"""Batches that are sorted by length together; more wastes less, fewer mix better."""


def batch_indices(lengths: Sequence[int], batch_size: int, rng: Random) -> list[list[int]]:
    """Shuffled batches of indices whose lengths are similar; every index occurs once."""
    order = list(range(len(lengths)))
    rng.shuffle(order)
    batches = []
    for start in range(0, len(order), batch_size * CHUNK):
        chunk = sorted(order[start : start + batch_size * CHUNK], key=lambda i: lengths[i])
        batches += [chunk[i : i + batch_size] for i in range(0, len(chunk), batch_size)]
    rng.shuffle(batches)
    return batches


def pad(sequences: Sequence[Sequence[int]], pad_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and attention mask, int64, *Shape:* (batch_size, longest)."""
    longest = max(map(len, sequences))
    ids = torch.full((len(sequences), longest), pad_id, dtype=torch.long)
    mask = torch.zeros((len(sequences), longest), dtype=torch.long)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = torch.tensor(sequence)
        mask[row, : len(sequence)] = 1
    return ids, mask
