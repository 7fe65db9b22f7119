"""Protection of BatchNorm's running statistics from values that are not finite."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def protect_statistics(model: nn.Module) -> None:
    """Make every BatchNorm of a model keep its running mean and variance in a step in which they are not finite.

    Gradients that are not finite are left out of an update (:func:`connect_optimizer`), but without this the running
    mean would still become NaN. The decision is made on the device, and the host does not wait for it.

    Args:
        model: The model; hooks are added to its modules.
    """
    for module in model.modules():
        if isinstance(module, _BatchNorm) and module.track_running_stats:
            step = _Step()
            module.register_forward_pre_hook(step.remember)
            module.register_forward_hook(step.restore)


class _Step:
    """The hooks of one BatchNorm around a forward pass, and its statistics before it."""

    def __init__(self) -> None:
        self._before: list[Tensor] = []

    def remember(self, module: _BatchNorm, inputs: Any) -> None:
        if module.training:
            self._before = [buffer.clone() for buffer in _statistics(module)]

    @torch.no_grad()
    def restore(self, module: _BatchNorm, inputs: Any, output: Tensor) -> None:
        if module.training:
            found = _statistics(module)
            finite = torch.stack([buffer.isfinite().all() for buffer in found]).all()
            for buffer, before in zip(found, self._before, strict=True):
                buffer.data.copy_(buffer.where(finite, before))  # .data: no change for autograd
            self._before = []


def _statistics(module: _BatchNorm) -> list[Tensor]:
    return [buffer for buffer in (module.running_mean, module.running_var) if buffer is not None]
