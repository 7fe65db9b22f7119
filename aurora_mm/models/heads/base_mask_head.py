"""The base of heads that predict masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from aurora_mm.models.heads.base_task_head import BaseTaskHead
from aurora_mm.models.utils.layers import TaskOutputs, TopDownFusion
from aurora_mm.tasks import Task


class BaseMaskHead(BaseTaskHead):
    """Predict a map for each output of a task by top-down fusion of all levels and a 1 x 1 convolution for each task.

    Legend: B images, h x w cells of the finest level.

    Args:
        tasks: See :class:`BaseTaskHead`.
        in_channels: See :class:`BaseTaskHead`.
        channels: Number of channels of the fusion.
        dropout: Probability of dropping a channel before the last layer.
        share_outputs: Whether all tasks take slices of one last layer, as published; see :class:`TaskOutputs`.
        init_cfg: See :class:`BaseTaskHead`.
    """

    def __init__(
        self,
        tasks: Sequence[Task | dict[str, Any]],
        in_channels: Sequence[int],
        channels: int = 256,
        dropout: float = 0.1,
        share_outputs: bool = False,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(tasks, in_channels, init_cfg)
        self.fusion = TopDownFusion(in_channels, channels)
        self.dropout = nn.Dropout2d(dropout)
        self.outputs = TaskOutputs(
            self.tasks, lambda n: nn.Conv2d(channels, n, 1), lambda task: task.num_outputs, share_outputs
        )

    def forward(self, feats: Sequence[Tensor]) -> Tensor:
        """Compute the shared features ``(B, channels, h, w)``, see :class:`BaseTaskHead`."""
        return self.dropout(self.fusion(feats))
