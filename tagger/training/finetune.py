"""The supervised phase: emotion, celebrate and slice from labelled exchanges."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

from tagger.training.augment import augment
from tagger.training.batches import batch_indices, pad
from tagger.training.data import celebrate_target, emotion_target
from tagger.training.fakequant import FakeQuantization
from tagger.training.loop import Trainer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tagger.labels import LabelSet
    from tagger.records import Record
    from tagger.tokenizer import ExchangeTokenizer
    from tagger.training.model import TaggerModel
    from tagger.training.recipe import Recipe


def finetune(
    model: TaggerModel,
    records: Sequence[Record],
    slices: Sequence[str],
    tokenizer: ExchangeTokenizer,
    pad_id: int,
    labels: LabelSet,
    recipe: Recipe,
    checkpoint: Path,
) -> None:
    """Train the model in place on noisy variations of the records, new ones each epoch.

    Args:
        model: its slice head has one output per entry of `slices`.
        records: an unlabelled emotion or celebrate weighs nothing in its own loss.
        slices: names in the order of the slice head.
        tokenizer: lays exchanges out.
        pad_id: id of the padding token.
        labels: the label set in output order.
        recipe: numbers of this phase.
        checkpoint: where the state is kept for resuming.
    """
    phase = recipe.finetune
    targets = _Targets(records, slices, labels, phase.also_share, phase.label_smoothing)

    rounding = FakeQuantization(model.encoder)

    def epoch_batches(epoch: int) -> list[tuple[list[int], torch.Tensor, torch.Tensor]]:
        rounding.enabled = epoch >= phase.epochs - phase.quantized_epochs
        rng = Random(recipe.seed * 1000 + epoch)
        sequences = [tokenizer.encode(augment(r.exchange(), rng)) for r in records]
        batches = batch_indices([len(s) for s in sequences], phase.batch_size, rng)
        return [(b, *pad([sequences[i] for i in b], pad_id)) for b in batches]

    def loss_of(batch: tuple[list[int], torch.Tensor, torch.Tensor]) -> torch.Tensor:
        rows, ids, mask = batch
        with torch.autocast("cpu", torch.bfloat16, enabled=phase.bf16):
            emotion, celebrate, slice_ = model(ids, mask)
        weight = targets.has_celebrate[rows]
        loss = -(targets.emotion[rows] * F.log_softmax(emotion.float(), -1)).sum(-1).mean()
        celebrate_loss = F.binary_cross_entropy_with_logits(
            celebrate.float(), targets.celebrate[rows], weight=weight
        )
        slice_loss = F.cross_entropy(slice_.float(), targets.slice[rows])
        total: torch.Tensor = (
            loss + phase.celebrate_weight * celebrate_loss + phase.slice_weight * slice_loss
        )
        return total

    Trainer(model, phase, checkpoint, phase.ema_decay).run("fine-tune", epoch_batches, loss_of)


class _Targets:
    """Targets of all records as tensors, label smoothing applied."""

    def __init__(
        self,
        records: Sequence[Record],
        slices: Sequence[str],
        labels: LabelSet,
        also_share: float,
        smoothing: float,
    ) -> None:
        emotion = torch.from_numpy(
            np.stack([emotion_target(r, labels, also_share) for r in records])
        )
        labelled = emotion.sum(-1, keepdim=True)
        self.emotion = (1 - smoothing) * emotion + smoothing * labelled / emotion.shape[1]
        answers = [celebrate_target(r) for r in records]
        celebrate = torch.tensor([a or 0.0 for a in answers])
        self.celebrate = (1 - smoothing) * celebrate + smoothing / 2
        self.has_celebrate = torch.tensor([float(a is not None) for a in answers])
        self.slice = torch.tensor([slices.index(r.slice) for r in records])
