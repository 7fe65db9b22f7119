"""Feature-wise linear modulation for each task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from aurora_mm.models.adapters.task_adapter import TaskAdapter
from aurora_mm.registry import MODELS


@MODELS.register_module()
class TaskFiLM(TaskAdapter):
    """Adapts each map by ``(1 + scale) * x + shift``, with one scale and one shift for each channel.

    This is FiLM (https://arxiv.org/abs/1709.07871), where a network computes scale and shift from a condition. Here the
    condition is only the task, so scale and shift are parameters. Both start at 0, and weight decay draws them to 0.

    Args:
        in_channels: See :class:`TaskAdapter`.
        in_index: See :class:`TaskAdapter`.
    """

    def __init__(
        self, in_channels: Sequence[int], in_index: Sequence[int], init_cfg: dict[str, Any] | None = None
    ) -> None:
        super().__init__(in_channels, in_index, _FiLM, init_cfg)


class _FiLM(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(channels, 1, 1))
        self.shift = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return (1 + self.scale) * x + self.shift
