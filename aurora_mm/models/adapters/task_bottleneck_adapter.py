"""Small residual bottlenecks for each task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.model import constant_init
from torch import Tensor, nn

from aurora_mm.models.adapters.task_adapter import TaskAdapter
from aurora_mm.models.utils.layers import conv_gn_act
from aurora_mm.registry import MODELS


@MODELS.register_module()
class TaskBottleneckAdapter(TaskAdapter):
    """Adapts each map by a residual bottleneck, ``x + up(mix(down(x)))``.

    Residual adapters (https://arxiv.org/abs/1705.08045) are made cheap by a bottleneck whose last layer starts at 0
    (https://arxiv.org/abs/1902.00751).

    ``down`` is a 1 x 1 convolution with GroupNorm and SiLU, ``mix`` a 3 x 3 one with SiLU, ``up`` a 1 x 1 one.

    Args:
        in_channels: See :class:`TaskAdapter`.
        in_index: See :class:`TaskAdapter`.
        channels: Number of channels of the bottleneck.
        depthwise: Whether the 3 x 3 convolution is depthwise.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        in_index: Sequence[int],
        channels: int = 32,
        depthwise: bool = True,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(in_channels, in_index, lambda width: _Bottleneck(width, channels, depthwise), init_cfg)


class _Bottleneck(nn.Module):
    def __init__(self, in_channels: int, channels: int, depthwise: bool) -> None:
        super().__init__()
        self.down = conv_gn_act(in_channels, channels, 1)
        self.mix = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels if depthwise else 1), nn.SiLU()
        )
        self.up = nn.Conv2d(channels, in_channels, 1)
        constant_init(self.up, 0)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.up(self.mix(self.down(x)))
