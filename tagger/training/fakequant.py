"""int8's rounding, felt in training, so that the int8 graph decides as the float one does."""

from __future__ import annotations

import torch
from torch import nn

LEVELS = 255


class FakeQuantization:
    """Rounds the input of every linear layer as dynamic int8 would, while enabled.

    One range an exchange, gradients pass straight through (Jacob et al., 2018). Coarser than
    what is exported, where inputs are smoothed first and nothing is padded: a margin, not a
    copy. Weights are not rounded. Evaluation is never touched.

    Args:
        module: its linear layers are watched from now on.
    """

    def __init__(self, module: nn.Module) -> None:
        self.enabled = False
        for layer in module.modules():
            if isinstance(layer, nn.Linear):
                layer.register_forward_pre_hook(self._hook)

    def _hook(self, layer: nn.Module, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor] | None:
        if not (self.enabled and layer.training):
            return None
        return (rounded(inputs[0]),)


def rounded(x: torch.Tensor) -> torch.Tensor:
    """Asymmetric 8-bit rounding with one range per row of the first dimension.

    Args:
        x: *Shape:* (batch_size, ..., features).

    Returns:
        The rounded values with the gradient of `x`, same shape and dtype.
    """
    with torch.no_grad():
        flat = x.float().flatten(1)
        low = flat.amin(1).clamp(max=0)
        high = flat.amax(1).clamp(min=0)
        scale = ((high - low) / LEVELS).clamp(min=1e-8).view(-1, *[1] * (x.ndim - 1))
        zero = torch.round(-low.view_as(scale) / scale)
        steps = (torch.round(x.float() / scale) + zero).clamp(0, LEVELS) - zero
        error = (steps * scale).to(x.dtype) - x
    return x + error
