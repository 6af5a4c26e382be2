"""Masked-language-model training on all texts of the project, before the supervised phase."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import nn

from tagger.training.augment import augment
from tagger.training.batches import batch_indices, pad
from tagger.training.loop import Trainer
from tagger.training.tokenizers import SPECIAL_TOKENS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tagger.tokenizer import ExchangeTokenizer
    from tagger.training.model import Encoder
    from tagger.training.recipe import Recipe
    from tagger.types import Exchange

MASK_SHARE = 0.2
"""More than BERT's 15 %: the corpus is small and every epoch counts (Wettig et al., 2023)."""


class _MaskedModel(nn.Module):
    """Encoder plus BERT's prediction head, output weights tied to the embeddings."""

    def __init__(self, encoder: Encoder, vocab_size: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.transform = nn.Sequential(
            nn.Linear(encoder.hidden_size, encoder.hidden_size),
            nn.GELU(),
            nn.LayerNorm(encoder.hidden_size),
        )
        self.bias = nn.Parameter(torch.zeros(vocab_size))

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        """Logits at the chosen places, *Shape:* (n_chosen, vocab_size)."""
        hidden = self.transform(self.encoder.hidden(ids, mask)[-1][chosen])
        table = self.encoder.backbone.get_input_embeddings().weight
        logits: torch.Tensor = hidden @ table.T + self.bias
        return logits


def pretrain(
    encoder: Encoder,
    exchanges: Sequence[Exchange],
    tokenizer: ExchangeTokenizer,
    recipe: Recipe,
    checkpoint: Path,
) -> None:
    """Train the encoder in place to fill in masked tokens of noisy exchanges."""
    phase = recipe.pretrain
    vocabulary = tokenizer.tokenizer
    vocab_size = vocabulary.get_vocab_size()
    pad_id, *_, mask_id = special_ids = [vocabulary.get_vocab()[t] for t in SPECIAL_TOKENS]
    specials = torch.tensor(special_ids)
    model = _MaskedModel(encoder, vocab_size)

    def epoch_batches(epoch: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
        rng = Random(recipe.seed * 2000 + epoch)
        sequences = [tokenizer.encode(augment(e, rng)) for e in exchanges]
        batches = batch_indices([len(s) for s in sequences], phase.batch_size, rng)
        return [pad([sequences[i] for i in b], pad_id) for b in batches]

    def loss_of(batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        ids, mask = batch
        chosen = (torch.rand(ids.shape) < MASK_SHARE) & ~torch.isin(ids, specials)
        roll = torch.rand(ids.shape)
        noisy = torch.where(chosen & (roll < 0.8), mask_id, ids)
        random_ids = torch.randint(len(special_ids), vocab_size, ids.shape)
        noisy = torch.where(chosen & (roll > 0.9), random_ids, noisy)
        with torch.autocast("cpu", torch.bfloat16, enabled=phase.bf16):
            logits = model(noisy, mask, chosen)
        return F.cross_entropy(logits.float(), ids[chosen])

    Trainer(model, phase, checkpoint).run("pretrain", epoch_batches, loss_of)
