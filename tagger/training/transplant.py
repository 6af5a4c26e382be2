"""Start an encoder from a pretrained one: its layers, and word embeddings for our vocabulary.

A Vietnamese word starts as the mean of its English gloss, so that layers trained on English
read it at once; a piece that the pretrained vocabulary has keeps its embedding; any other
ASCII word starts as the mean of its pieces; the rest starts at random around the mean.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn
from transformers import AutoTokenizer

from tagger.errors import ConfigError, DataError, EngineError
from tagger.training.model import load_backbone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tokenizers import Tokenizer

    from tagger.training.model import Encoder
    from tagger.training.recipe import BaseRecipe

PACKAGE_PREFIX = "package:"
COMMON_ENGLISH = 4000
"""Pieces before this rank of BERT's vocabulary keep their English meaning (a guess)."""


def resolve(source: str) -> str:
    """A backbone's directory or hub name; `package:NAME/DIR` is found in an installed package.

    Raises:
        ConfigError: the package is not installed.
    """
    if not source.startswith(PACKAGE_PREFIX):
        return source
    package, _, inside = source.removeprefix(PACKAGE_PREFIX).partition("/")
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ConfigError(
            f"the recipe starts from the package {package!r}, which is not installed; "
            "install the train extra"
        )
    return str(Path(spec.origin).parent / inside)


def load_tokenizer(source: str) -> tuple[Tokenizer, str, str]:
    """A backbone's fast tokenizer and its first and separating token.

    Raises:
        EngineError: it cannot be loaded or has no such tokens.
    """
    try:
        loaded = AutoTokenizer.from_pretrained(source)
    except (OSError, ValueError) as e:
        raise EngineError(
            f"cannot load the tokenizer of {source!r}: {str(e).splitlines()[0]}"
        ) from e
    cls, sep = loaded.cls_token or loaded.bos_token, loaded.sep_token or loaded.eos_token
    if cls is None or sep is None or not loaded.is_fast:
        raise EngineError(
            f"the tokenizer of {source!r} has no first or separating token, or no tokenizer.json; "
            "expected an encoder of the BERT or RoBERTa kind"
        )
    tokenizer: Tokenizer = loaded.backend_tokenizer
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer, cls, sep


def read_glosses(path: Path) -> dict[str, str]:
    """Word to English gloss, from lines `word<TAB>gloss`; raises DataError."""
    glosses = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as e:
        raise DataError(f"cannot read {path}: {e.strerror}") from e
    for number, line in enumerate(lines, 1):
        word, tab, gloss = line.partition("\t")
        if not tab or not gloss.strip():
            raise DataError(f"{path}:{number}: expected word, tab, gloss")
        glosses[word] = gloss.strip()
    return glosses


@torch.no_grad()
def transplant(
    encoder: Encoder,
    tokenizer: Tokenizer,
    base: BaseRecipe,
    glosses: dict[str, str],
    texts: Sequence[str],
) -> None:
    """Copy the base's layers and give every piece its starting embedding, in place.

    Where the encoder's feed-forward layers are narrower than the base's, the units that
    contribute most on `texts` (in the base's language) are kept.

    Raises:
        ConfigError: widths differ, or a layer is asked for that the base lacks.
    """
    source_name = resolve(base.source)
    source = load_backbone(source_name)
    base_tokenizer, _, _ = load_tokenizer(source_name)
    target = encoder.backbone
    n_layers = len(source.encoder.layer)
    if source.config.hidden_size != encoder.hidden_size or max(base.layers) >= n_layers:
        raise ConfigError(
            f"{base.source} has width {source.config.hidden_size} and {n_layers} layers; the "
            f"recipe asks for width {encoder.hidden_size} and layers {list(base.layers)}"
        )
    activity = _ffn_activity(source, base_tokenizer, texts)
    for mine, theirs in zip(target.encoder.layer, base.layers, strict=True):
        _copy_layer(source.encoder.layer[theirs], mine, activity[theirs])
    positions = target.embeddings.position_embeddings.weight
    positions.copy_(source.embeddings.position_embeddings.weight[: len(positions)])
    target.embeddings.token_type_embeddings.load_state_dict(
        source.embeddings.token_type_embeddings.state_dict()
    )
    target.embeddings.LayerNorm.load_state_dict(source.embeddings.LayerNorm.state_dict())
    table = source.embeddings.word_embeddings.weight
    new = table.mean(0) + 0.7 * table.std(0) * torch.randn(
        tokenizer.get_vocab_size(), encoder.hidden_size
    )
    for piece, i in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1]):
        ids = _source_ids(piece, base_tokenizer, glosses)
        if ids:
            new[i] = table[ids].mean(0)
    target.get_input_embeddings().weight.copy_(new)


def _copy_layer(source: nn.Module, target: nn.Module, activity: torch.Tensor) -> None:
    width = target.intermediate.dense.out_features
    kept = activity.topk(min(width, len(activity))).indices.sort().values
    state = source.state_dict()
    state["intermediate.dense.weight"] = state["intermediate.dense.weight"][kept]
    state["intermediate.dense.bias"] = state["intermediate.dense.bias"][kept]
    state["output.dense.weight"] = state["output.dense.weight"][:, kept]
    target.load_state_dict(state)


def _ffn_activity(
    source: nn.Module, tokenizer: Tokenizer, texts: Sequence[str]
) -> list[torch.Tensor]:
    """How much each feed-forward unit adds: mean |activation| times its output norm, a layer."""
    seen: list[torch.Tensor] = []
    hooks = [
        layer.intermediate.register_forward_hook(
            lambda _, __, out: seen.append(out.abs().sum((0, 1)))
        )
        for layer in source.encoder.layer
    ]
    source.eval()
    for text in texts or ["hello"]:
        source(torch.tensor([tokenizer.encode(text).ids]))
    for hook in hooks:
        hook.remove()
    n = len(source.encoder.layer)
    norms = [layer.output.dense.weight.norm(dim=0) for layer in source.encoder.layer]
    return [torch.stack(seen[i::n]).sum(0) * norms[i] for i in range(n)]


def _source_ids(piece: str, base_tokenizer: Tokenizer, glosses: dict[str, str]) -> list[int]:
    known = base_tokenizer.token_to_id(piece)
    # "con" is a child to most who say it here, but "to" stays English
    if known is not None and (piece not in glosses or known < COMMON_ENGLISH):
        return [known]
    text = glosses.get(piece) or (piece.removeprefix("##") if piece.isascii() else "")
    if not text:
        return []
    ids: list[int] = base_tokenizer.encode(text, add_special_tokens=False).ids
    return ids
