"""What stands between shared maps and the head of one task."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn


class TaskAdapter(BaseModule):
    """One task's own change of the maps that its head reads; it must change nothing before it is trained.

    Args:
        in_channels: Channels of each map of the source, finest first.
        in_index: The maps that the head reads, counted from 0; the others are passed on as they are.
        build: Makes the part for a map of so many channels, from ``(B, C, h, w)`` to the same.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        in_index: Sequence[int],
        build: Callable[[int], nn.Module],
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        indices = sorted({i % len(in_channels) for i in in_index})
        self.levels = nn.ModuleDict({str(i): build(in_channels[i]) for i in indices})

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The maps ``(B, in_channels[i], h_i, w_i)`` as this task's head is to see them."""
        return tuple(self.levels[str(i)](x) if str(i) in self.levels else x for i, x in enumerate(maps))
