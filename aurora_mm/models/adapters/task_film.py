"""Feature-wise linear modulation by task."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from aurora_mm.models.adapters.task_adapter import TaskAdapter
from aurora_mm.registry import MODELS


@MODELS.register_module()
class TaskFiLM(TaskAdapter):
    """``(1 + scale) * x + shift`` with a scale and a shift for each channel of each map (FiLM,
    https://arxiv.org/abs/1709.07871).

    There a network makes them of a condition; here the condition is the task alone, so they are learned as they are.
    Both start at 0, where weight decay draws them back to.

    Args:
        in_channels: See :class:`TaskAdapter`.
        in_index: See :class:`TaskAdapter`.
    """

    def __init__(self, in_channels: Sequence[int], in_index: Sequence[int], init_cfg: dict | None = None) -> None:
        super().__init__(in_channels, in_index, _FiLM, init_cfg)


class _FiLM(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(channels, 1, 1))
        self.shift = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return (1 + self.scale) * x + self.shift
