"""The training loop both phases share: schedule, averaged weights, checkpoints, progress."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import nn
from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tagger.training.recipe import Phase

GRADIENT_NORM = 1.0

Batch = TypeVar("Batch")


class Trainer:
    """Trains a module for the epochs of a phase and can go on after a kill.

    The state is written after every epoch, first beside the checkpoint and then renamed, so
    a kill leaves the last whole epoch. Weights are averaged exponentially over steps
    (Polyak averaging) and the average is the result.

    Args:
        module: trained in place; holds the averaged weights after `run`.
        phase: epochs, rates, batch size.
        checkpoint: where the state is kept.
        ema_decay: of the average; it warms up over the first steps.
    """

    def __init__(
        self, module: nn.Module, phase: Phase, checkpoint: Path, ema_decay: float = 0.998
    ) -> None:
        self._module = module
        self._phase = phase
        self._checkpoint = checkpoint
        self._ema_decay = ema_decay
        self._average = copy.deepcopy(module).requires_grad_(False)

    def run(
        self,
        name: str,
        epoch_batches: Callable[[int], Sequence[Batch]],
        loss_of: Callable[[Batch], torch.Tensor],
    ) -> None:
        """Train; resumes from the checkpoint when there is one.

        Args:
            name: shown beside the progress bar.
            epoch_batches: the batches of an epoch; must depend on the epoch alone.
            loss_of: the scalar loss of a batch.
        """
        decayed = [p for p in self._module.parameters() if p.ndim > 1]
        plain = [p for p in self._module.parameters() if p.ndim <= 1]
        optimizer = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": self._phase.weight_decay},
                {"params": plain, "weight_decay": 0.0},
            ],
            lr=self._phase.learning_rate,
            fused=True,
        )
        first, step = self._resume(optimizer)
        for epoch in range(first, self._phase.epochs):
            # Dropout and masks must not depend on where a run was interrupted.
            torch.manual_seed(epoch + 1)
            batches = epoch_batches(epoch)
            total_steps = len(batches) * self._phase.epochs
            self._module.train()
            losses = 0.0
            bar = tqdm(batches, desc=f"{name} {epoch + 1}/{self._phase.epochs}", mininterval=2)
            for done, batch in enumerate(bar, 1):
                rate = self._phase.learning_rate * self._schedule(step / total_steps)
                for group in optimizer.param_groups:
                    group["lr"] = rate
                loss = loss_of(batch)
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(self._module.parameters(), GRADIENT_NORM)
                optimizer.step()
                step += 1
                self._update_average(step)
                losses += float(loss.detach())
                bar.set_postfix(loss=f"{losses / done:.3f}", refresh=False)
            self._save(optimizer, epoch + 1, step)
        self._module.load_state_dict(self._average.state_dict())

    def _schedule(self, progress: float) -> float:
        """Linear warm-up, then cosine to zero; progress in [0, 1)."""
        warmup = self._phase.warmup_share
        if progress < warmup:
            return progress / warmup
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (progress - warmup) / (1 - warmup))))

    def _update_average(self, step: int) -> None:
        decay = min(self._ema_decay, (1 + step) / (10 + step))
        with torch.no_grad():
            pairs = zip(self._average.parameters(), self._module.parameters(), strict=True)
            for average, current in pairs:
                average.lerp_(current, 1 - decay)

    def _save(self, optimizer: torch.optim.Optimizer, epoch: int, step: int) -> None:
        state = {
            "module": self._module.state_dict(),
            "average": self._average.state_dict(),
            "optimizer": optimizer.state_dict(),
            "epoch": epoch,
            "step": step,
        }
        partial = self._checkpoint.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self._checkpoint)

    def _resume(self, optimizer: torch.optim.Optimizer) -> tuple[int, int]:
        if not self._checkpoint.exists():
            return 0, 0
        state = torch.load(self._checkpoint, weights_only=True)
        self._module.load_state_dict(state["module"])
        self._average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        return int(state["epoch"]), int(state["step"])
