"""The recipe of an engine, read from `recipe.toml`: every number that shapes it."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tagger.errors import ConfigError
from tagger.tokenizer import InputLimits

if TYPE_CHECKING:
    from pathlib import Path


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelRecipe(_Part):
    """Size of the encoder; with a base, `layers` is how many of its layers are taken."""

    vocab_size: int = Field(8000, ge=100)
    hidden_size: int = Field(256, ge=8)
    layers: int = Field(4, ge=1)
    heads: int = Field(8, ge=1)
    ffn_size: int = Field(1024, ge=1)
    max_positions: int = Field(256, ge=32)
    dropout: float = Field(0.1, ge=0, lt=1)


class BaseRecipe(_Part):
    """The pretrained encoder that lends its layers.

    `source` is a directory, a hub name, or `package:NAME/DIR` in an installed package;
    `layers` are the ones taken, in order; `pieces` of its vocabulary join ours; `glosses`
    names a file beside the recipe.
    """

    source: str
    layers: tuple[int, ...] = Field(min_length=1)
    pieces: int = Field(0, ge=0)
    glosses: str | None = None


class Phase(_Part):
    """One training phase."""

    epochs: int = Field(10, ge=0)
    batch_size: int = Field(64, ge=1)
    learning_rate: float = Field(5e-4, gt=0)
    warmup_share: float = Field(0.06, ge=0, lt=1)
    weight_decay: float = Field(0.05, ge=0)
    bf16: bool = True


class Finetune(Phase):
    """The supervised phase; the last `quantized_epochs` of it feel int8's rounding."""

    slice_weight: float = Field(0.5, ge=0)
    celebrate_weight: float = Field(1.0, ge=0)
    also_share: float = Field(0.15, ge=0, lt=1)
    label_smoothing: float = Field(0.02, ge=0, lt=1)
    ema_decay: float = Field(0.998, ge=0, lt=1)
    generated: int = Field(6000, ge=0)
    quantized_epochs: int = Field(0, ge=0)


class Decision(_Part):
    """What calibration aims at, on validation data."""

    max_false_celebrate_rate: float = Field(0.01, ge=0, le=1)
    low_confidence: float = Field(0.4, ge=0, le=1)


class Recipe(_Part):
    """Everything that `make engine-encoder` needs to know beside data and labels.

    `generator` names the content file of generated exchanges, beside the recipe.
    """

    version: str = "1"
    seed: int = 20261121
    generator: str | None = None
    input: InputLimits = InputLimits()
    model: ModelRecipe = ModelRecipe()
    base: BaseRecipe | None = None
    pretrain: Phase = Phase(epochs=0)
    finetune: Finetune = Finetune()
    decision: Decision = Decision()

    @model_validator(mode="after")
    def _layers_agree(self) -> Recipe:
        if self.base and len(self.base.layers) != self.model.layers:
            raise ValueError(
                f"base.layers has {len(self.base.layers)} entries, model.layers is "
                f"{self.model.layers}; expected the same"
            )
        return self


def load_recipe(path: Path) -> Recipe:
    """Read and validate a recipe; raises ConfigError naming the key that is wrong."""
    try:
        return Recipe.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as e:
        raise ConfigError(f"cannot read the recipe {path}: {e.strerror}") from e
    except tomllib.TOMLDecodeError as e:
        raise ConfigError(f"{path} is not TOML: {e}") from e
    except ValidationError as e:
        first = e.errors(include_url=False)[0]
        raise ConfigError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from e
