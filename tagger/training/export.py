"""Trained model to a shipped engine: smoothing, ONNX, int8, `engine.toml`.

Dynamic int8 gives one scale to a whole activation tensor, so a few large channels cost all
others their precision. Before export each linear layer's input is divided, and its weights
multiplied, by a scale per channel (SmoothQuant, Xiao et al., 2023), measured on training
text. Embeddings are kept as int8 with one scale a row.
"""

from __future__ import annotations

import copy
import hashlib
import math
import warnings
from typing import TYPE_CHECKING, Final

import numpy as np
import onnx
import onnxruntime as ort
import tomli_w
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers import optimizer
from onnxruntime.transformers.fusion_options import FusionOptions
from torch import nn
from transformers import BertModel

from tagger.engine import ENGINE_FILE, FORMAT, MODEL_FILE, TOKENIZER_FILE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from tagger.engine import DecisionTable, InputTable
    from tagger.labels import LabelSet
    from tagger.training.model import Encoder, TaggerModel

OPSET: Final = 17
SMOOTHING: Final = 0.8
"""Share of the range that moves from activations to weights; measured in bench/LOG.md."""


class _Inference(nn.Module):
    """The two outputs that serving needs."""

    def __init__(self, model: TaggerModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        emotion, celebrate, _ = self.model(input_ids)
        return emotion, celebrate


class _SmoothLinear(nn.Module):
    """A linear layer of the same function, whose input has a flatter range."""

    def __init__(self, linear: nn.Linear, largest: torch.Tensor) -> None:
        super().__init__()
        weights = linear.weight.abs().amax(0).clamp(min=1e-4)
        scale = largest.clamp(min=1e-2) ** SMOOTHING / weights ** (1 - SMOOTHING)
        scale = scale / scale.median()
        self.linear = copy.deepcopy(linear)
        self.linear.weight.data = linear.weight * scale
        self.register_buffer("inverse", 1 / scale)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.linear(x * self.inverse)
        return y


def export_onnx(
    model: TaggerModel, calibration: Sequence[Sequence[int]], directory: Path
) -> tuple[Path, Path]:
    """Write the float graph and the int8 graph.

    Args:
        model: trained; left as it is.
        calibration: token sequences of training text, for the channel scales.
        directory: where `float.onnx` and `model.onnx` go.

    Returns:
        Paths of the float and the int8 graph.
    """
    model = copy.deepcopy(model).eval().requires_grad_(False)
    config = model.encoder.backbone.config
    # the fused attention kernel of torch has no counterpart that int8 could replace
    config._attn_implementation = "eager"
    hidden_size = model.encoder.hidden_size
    lean(model)
    smooth(model, calibration)
    directory.mkdir(parents=True, exist_ok=True)
    traced, floats, int8 = (directory / n for n in ("traced.onnx", "float.onnx", MODEL_FILE))
    example = torch.tensor([calibration[0]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Inference(model),
            (example,),
            str(traced),
            input_names=["input_ids"],
            output_names=["emotion", "celebrate"],
            dynamic_axes={"input_ids": {0: "batch", 1: "tokens"}},
            opset_version=OPSET,
            dynamo=False,
        )
    fusions = FusionOptions("bert")
    # Add and LayerNormalization apart take a fifth of the fused operator's time on a CPU
    # (bench/LOG.md, 2026-11-21)
    fusions.enable_skip_layer_norm = False
    fusions.enable_bias_skip_layer_norm = False
    fused = optimizer.optimize_model(
        str(traced),
        model_type="bert",
        num_heads=getattr(config, "num_attention_heads", 0),
        hidden_size=hidden_size,
        optimization_options=fusions,
        opt_level=0,
    )
    fused.save_model_to_file(str(floats))
    # the heads see one row: in float they cost nothing, and their errors would go straight out
    heads = [n.name for n in fused.model.graph.node if "/encoder" not in n.name]
    heads += [f"{name}_MatMul" for name in heads]  # what the quantiser makes of a Gemm
    quantize_dynamic(
        str(floats),
        str(int8),
        per_channel=True,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["MatMul", "Gemm"],
        nodes_to_exclude=heads,
        extra_options={"DefaultTensorType": TensorProto.FLOAT},
    )
    graph = onnx.load(str(int8))
    _quantize_embeddings(graph)
    onnx.save(graph, str(int8))
    traced.unlink()
    return floats, int8


class _LeanBert(nn.Module):
    """`Encoder.forward` for a BERT backbone, with no more work than its two results need."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        layers = encoder.backbone.encoder.layer
        self.layers = nn.ModuleList(_LeanLayer(layer) for layer in layers)
        del encoder.backbone.encoder

    def forward(
        self, input_ids: torch.Tensor, _: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.encoder.backbone.embeddings(inputs_embeds=self.encoder.embed(input_ids))
        for layer in self.layers[:-1]:
            x = layer(x, x)
        return self.layers[-1](x[:, :1], x)[:, 0], x


class _LeanLayer(nn.Module):
    """A BERT layer over some rows of its input; one projection where all rows are asked for.

    The input is quantised once per projection, so fewer and wider ones are faster.
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        attention = layer.attention.self
        self.heads: int = attention.num_attention_heads
        self.width: int = attention.attention_head_size
        self.query = copy.deepcopy(attention.query)
        # the scaling costs nothing once it is in the weights
        self.query.weight.data /= math.sqrt(self.width)
        self.query.bias.data /= math.sqrt(self.width)
        parts = (attention.key, attention.value)
        self.key_value = nn.Linear(parts[0].in_features, 2 * self.heads * self.width)
        self.key_value.weight.data = torch.cat([p.weight for p in parts])
        self.key_value.bias.data = torch.cat([p.bias for p in parts])
        self.mix = layer.attention.output
        self.widen = layer.intermediate
        self.narrow = layer.output

    def forward(self, rows: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        query = self.query(rows).reshape(-1, self.heads, self.width).permute(1, 0, 2)
        packed = self.key_value(x).reshape(-1, 2, self.heads, self.width)
        key, value = packed[:, 0].permute(1, 2, 0), packed[:, 1].permute(1, 0, 2)
        mixed = (query @ key).softmax(-1) @ value
        mixed = mixed.permute(1, 0, 2).reshape(1, -1, self.heads * self.width)
        attended = self.mix(mixed, rows)
        out: torch.Tensor = self.narrow(self.widen(attended), attended)
        return out


def lean(model: TaggerModel) -> None:
    """Replace a BERT encoder by its lean twin, in place; other architectures stay as they are."""
    if isinstance(model.encoder.backbone, BertModel):
        model.encoder = _LeanBert(model.encoder)


@torch.no_grad()
def smooth(model: TaggerModel, calibration: Sequence[Sequence[int]]) -> None:
    """Replace every linear layer by its smoothed twin, in place."""
    largest: dict[str, torch.Tensor] = {}
    linears = {n: m for n, m in model.named_modules() if isinstance(m, nn.Linear)}

    def watch(name: str) -> object:
        def hook(_: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            peak = inputs[0].abs().flatten(0, -2).amax(0)
            largest[name] = torch.maximum(largest[name], peak) if name in largest else peak

        return hook

    hooks = [linears[n].register_forward_pre_hook(watch(n)) for n in linears]
    for sequence in calibration:
        model(torch.tensor([sequence]))
    for hook in hooks:
        hook.remove()
    for name, linear in linears.items():
        if name in largest:
            parent, _, attribute = name.rpartition(".")
            setattr(model.get_submodule(parent), attribute, _SmoothLinear(linear, largest[name]))


def _quantize_embeddings(graph: onnx.ModelProto, min_rows: int = 64) -> None:
    """Store each embedding table as int8 rows with one float scale a row, in place."""
    tables = {t.name: t for t in graph.graph.initializer}
    for node in list(graph.graph.node):
        table = tables.get(node.input[0]) if node.input else None
        if node.op_type != "Gather" or table is None or table.data_type != TensorProto.FLOAT:
            continue
        if len(table.dims) != 2 or table.dims[0] < min_rows:
            continue
        values = numpy_helper.to_array(table)
        scale = np.maximum(np.abs(values).max(1, keepdims=True), 1e-8) / 127
        rows = np.rint(values / scale).astype(np.int8)
        name, ids, out = table.name, node.input[1], node.output[0]
        graph.graph.initializer.remove(table)
        graph.graph.initializer.extend(
            [
                numpy_helper.from_array(rows, f"{name}_int8"),
                numpy_helper.from_array(scale.astype(np.float32), f"{name}_scale"),
            ]
        )
        at = list(graph.graph.node).index(node)
        graph.graph.node.remove(node)
        for new in (
            helper.make_node("Mul", [f"{out}_float", f"{out}_scale"], [out]),
            helper.make_node("Gather", [f"{name}_scale", ids], [f"{out}_scale"]),
            helper.make_node("Cast", [f"{out}_int8"], [f"{out}_float"], to=TensorProto.FLOAT),
            helper.make_node("Gather", [f"{name}_int8", ids], [f"{out}_int8"]),
        ):
            graph.graph.node.insert(at, new)


def run_onnx(
    path: Path, sequences: Sequence[Sequence[int]]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Logits of a graph: emotion (n, n_emotions), celebrate (n,), one sequence a run."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    answers = [
        session.run(("emotion", "celebrate"), {"input_ids": np.array([s], dtype=np.int64)})
        for s in sequences
    ]
    return np.concatenate([a[0] for a in answers]), np.concatenate([a[1] for a in answers])


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_engine(
    directory: Path,
    *,
    name: str,
    version: str,
    labels: LabelSet,
    input_table: InputTable,
    decision: DecisionTable,
) -> None:
    """Write `engine.toml` for the model and tokenizer that lie in the directory."""
    files = {f: sha256(directory / f) for f in (MODEL_FILE, TOKENIZER_FILE)}
    table = {
        "format": FORMAT,
        "name": name,
        "version": version,
        "files": files,
        "input": input_table.model_dump(),
        "decision": decision.model_dump(),
        "labels": labels.model_dump(mode="json"),
    }
    (directory / ENGINE_FILE).write_text(tomli_w.dumps(table), encoding="utf-8")
