"""The detection head of the paper, which predicts one box in an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aurora_mm.models.codecs import BoxTargets
from aurora_mm.models.heads.base_detection_head import BaseDetectionHead
from aurora_mm.models.heads.tasks_alike import for_tasks_alike
from aurora_mm.models.utils.layers import ResidualBlock, TaskOutputs, conv_gn_act, coordinate_channels
from aurora_mm.registry import MODELS
from aurora_mm.tasks import Task


@MODELS.register_module()
class GridDetectionHead(BaseDetectionHead):
    """Predict objectness and a box in every cell; the cell with the highest score gives the box of the image.

    Several levels and coordinate channels are concatenated and pass through residual blocks.

    Legend: B images, n of them of a task, K classes (without background), h x w cells of the finest level used.

    Args:
        tasks: See :class:`BaseTaskHead`.
        in_channels: See :class:`BaseTaskHead`.
        in_index: Indices of the levels to fuse; as published, the second to the fourth.
        channels: Number of channels of the residual blocks.
        num_blocks: Number of residual blocks.
        share_outputs: Whether all tasks take slices of one last layer, as published; see :class:`TaskOutputs`.
        codec: Config of a :class:`BaseBoxCodec`.
        loss_cls: Config of a loss of score maps, see :class:`ScoreLoss`. It is averaged over the cells of an image.
        loss_bbox: Config of a loss of normalised coordinates, see :class:`CoordinateLoss`; None leaves it out.
        loss_iou: Config of a loss of overlap, see :class:`CoordinateLoss`; None leaves it out.
        init_cfg: See :class:`BaseTaskHead`.

    Raises:
        ConfigError: If the codec or a loss does not fit, or both losses of boxes are None.
    """

    def __init__(
        self,
        tasks: Sequence[Task | dict[str, Any]],
        in_channels: Sequence[int],
        in_index: Sequence[int] = (1, 2, 3),
        channels: int = 256,
        num_blocks: int = 2,
        share_outputs: bool = False,
        codec: dict[str, Any] = dict(type='aurora_mm.GridBoxCodec'),
        loss_cls: dict[str, Any] = dict(type='aurora_mm.BalancedBinaryCrossEntropyLoss'),
        loss_bbox: dict[str, Any] | None = dict(type='mmdet.SmoothL1Loss', beta=0.05, loss_weight=10.0),
        loss_iou: dict[str, Any] | None = dict(type='aurora_mm.LinearIoULoss', loss_weight=5.0),
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(tasks, in_channels, codec, loss_cls, loss_bbox, loss_iou, init_cfg)
        self.in_index = list(in_index)
        self.fusion = conv_gn_act(sum(self.in_channels[i] for i in self.in_index) + 2, channels, 1)
        self.tower = nn.Sequential(*(ResidualBlock(channels) for _ in range(num_blocks)))
        self.outputs = TaskOutputs(
            self.tasks, lambda n: nn.Conv2d(channels, n, 1), lambda task: 4 + task.num_outputs, share_outputs
        )

    def forward(self, feats: Sequence[Tensor]) -> Tensor:
        """Compute the shared features ``(B, channels, h, w)``, see :class:`BaseTaskHead`."""
        maps = [feats[i] for i in self.in_index]
        size = maps[0].shape[-2:]
        maps = [maps[0]] + [F.interpolate(m, size=size, mode='bilinear', align_corners=False) for m in maps[1:]]
        return self.tower(self.fusion(torch.cat([*maps, coordinate_channels(maps[0])], dim=1)))

    @for_tasks_alike
    def score_loss(self, logits: Tensor, boxes: Tensor, targets: BoxTargets, task: Task) -> Tensor:
        """Compute the loss of the scores, averaged over the cells of an image; see :class:`BaseDetectionHead`."""
        return self.loss_cls(logits, targets.scores, task) / logits[0].numel()
