"""The multi-head encoder: any transformer backbone, segment embeddings, small heads.

The graph takes `input_ids` alone; segments are counted from the separators, so serving
needs no second input and no padding (one exchange a run).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from transformers import AutoModel, BertConfig, BertModel

from tagger.errors import EngineError

if TYPE_CHECKING:
    from pathlib import Path

    from tokenizers import Tokenizer

    from tagger.training.recipe import ModelRecipe

N_SEGMENTS = 3


class Encoder(nn.Module):
    """Backbone plus segment embeddings.

    Args:
        backbone: a transformers model that accepts `inputs_embeds` and `attention_mask`.
        sep_id: the token that ends a segment.
    """

    def __init__(self, backbone: nn.Module, sep_id: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.sep_id = sep_id
        self.hidden_size: int = backbone.config.hidden_size
        self.segments = nn.Embedding(N_SEGMENTS, self.hidden_size)
        nn.init.normal_(self.segments.weight, std=0.02)

    def embed(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Word plus segment embeddings, *Shape:* (batch_size, seq_len, hidden_size)."""
        is_sep = (input_ids == self.sep_id).long()
        segment = (is_sep.cumsum(-1) - is_sep).clamp(max=N_SEGMENTS - 1)
        words: torch.Tensor = self.backbone.get_input_embeddings()(input_ids)
        return words + self.segments(segment)

    def hidden(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, ...]:
        """Hidden states of every layer.

        Args:
            input_ids: int64, *Shape:* (batch_size, seq_len).
            attention_mask: int64, *Shape:* (batch_size, seq_len); None when nothing is padded.

        Returns:
            The embeddings, then each layer's output, float32, *Shape:*
            (batch_size, seq_len, hidden_size).
        """
        embeds = self.embed(input_ids)
        states: tuple[torch.Tensor, ...] = self.backbone(
            inputs_embeds=embeds, attention_mask=attention_mask, output_hidden_states=True
        ).hidden_states
        return states

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What the heads read, of the same arguments as `hidden`.

        Returns:
            The last layer's first token, *Shape:* (batch_size, hidden_size), and the whole
            layer before it, *Shape:* (batch_size, seq_len, hidden_size). Nobody reads the
            last layer's other tokens, so an export need not compute them.
        """
        *_, before, last = self.hidden(input_ids, attention_mask)
        return last[:, 0], before


class TaggerModel(nn.Module):
    """Encoder with an emotion head, a celebrate head and an auxiliary slice head.

    The slice head exists in training only: knowing *why* an exchange is no celebration
    teaches the encoder the distinctions that the guide draws.
    """

    def __init__(self, encoder: Encoder, n_emotions: int, n_slices: int, dropout: float) -> None:
        super().__init__()
        hidden = encoder.hidden_size
        self.encoder = encoder
        self.pool = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(2 * hidden, hidden), nn.GELU(), nn.Dropout(dropout)
        )
        self.emotion = nn.Linear(hidden, n_emotions)
        self.celebrate = nn.Linear(hidden, 1)
        self.slice = nn.Linear(hidden, n_slices)

    def features(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """First-token and mean pooling, mixed; *Shape:* (batch_size, hidden_size)."""
        first, hidden = self.encoder(input_ids, attention_mask)
        if attention_mask is None:
            mean = hidden.mean(1)
        else:
            weight = attention_mask.unsqueeze(-1).to(hidden.dtype)
            mean = (hidden * weight).sum(1) / weight.sum(1)
        return self.pool(torch.cat([first, mean], -1))

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Logits: emotion (batch_size, n_emotions), celebrate (batch_size,), slice."""
        x = self.features(input_ids, attention_mask)
        return self.emotion(x), self.celebrate(x).squeeze(-1), self.slice(x)


def build_encoder(recipe: ModelRecipe, tokenizer: Tokenizer) -> Encoder:
    """A fresh encoder of the recipe's size, its vocabulary that of the tokenizer."""
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=recipe.hidden_size,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        intermediate_size=recipe.ffn_size,
        max_position_embeddings=recipe.max_positions,
        hidden_dropout_prob=recipe.dropout,
        attention_probs_dropout_prob=recipe.dropout,
        pad_token_id=tokenizer.token_to_id("[PAD]"),
    )
    backbone = BertModel(config, add_pooling_layer=False)
    return Encoder(backbone, tokenizer.get_vocab()["[SEP]"])


def load_backbone(name_or_dir: str | Path) -> nn.Module:
    """A pretrained encoder from a directory or, where a hub is reachable, by name.

    Raises:
        EngineError: it cannot be found or loaded.
    """
    try:
        return AutoModel.from_pretrained(str(name_or_dir))
    except (OSError, ValueError, ImportError) as e:
        raise EngineError(
            f"cannot load backbone {str(name_or_dir)!r}: {str(e).splitlines()[0]}; expected a "
            "directory with config.json and weights, or a model name on a reachable hub"
        ) from e
