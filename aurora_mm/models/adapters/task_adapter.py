"""The base of adapters, which change shared maps for the head of one task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn


class TaskAdapter(BaseModule):
    """Changes the maps that the head of one task reads; before training it must change nothing.

    Args:
        in_channels: Channels of each map of the source, finest first.
        in_index: The maps that the head reads, counted from 0; the others are passed on as they are.
        build: Builds the layers of one map for a number of channels; they map ``(B, C, h, w)`` to the same shape.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        in_index: Sequence[int],
        build: Callable[[int], nn.Module],
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        indices = sorted({i % len(in_channels) for i in in_index})
        self.levels = nn.ModuleDict({str(i): build(in_channels[i]) for i in indices})

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Adapt the maps ``(B, in_channels[i], h_i, w_i)`` to the task."""
        return tuple(self.levels[str(i)](x) if str(i) in self.levels else x for i, x in enumerate(maps))
