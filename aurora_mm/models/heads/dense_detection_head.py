"""A dense detection head, which predicts any number of boxes in an image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from aurora_mm.models.codecs import BoxTargets
from aurora_mm.models.heads.base_detection_head import BaseDetectionHead
from aurora_mm.models.heads.tasks_alike import for_tasks_alike
from aurora_mm.models.utils.boxes import aligned_iou
from aurora_mm.models.utils.layers import TaskOutputs, TopDownFusion, conv_gn_act, coordinate_channels
from aurora_mm.registry import MODELS
from aurora_mm.tasks import Task

_PRIOR_SCORE = 0.05


@MODELS.register_module()
class DenseDetectionHead(BaseDetectionHead):
    """Predict scores and a box in every cell of the finest level, after top-down fusion with coordinate channels.

    Legend: B images, n of them of a task, K classes (without background), h x w cells of the finest level used.

    Args:
        tasks: See :class:`BaseTaskHead`.
        in_channels: See :class:`BaseTaskHead`.
        in_index: Indices of the levels to fuse, finest first; all by default. Stride 8 is fine enough for most targets.
        channels: Number of channels of the fusion and of the convolutions after it.
        num_convs: Number of convolutions after the fusion.
        share_outputs: Whether all tasks take slices of one last layer; see :class:`TaskOutputs`.
        codec: Config of a :class:`BaseBoxCodec`.
        loss_cls: Config of a loss of score maps, see :class:`ScoreLoss`. Its sum over an image is divided by the sum of
            the codec's scores, at least 1.
        loss_bbox: Config of a loss of normalised coordinates, see :class:`CoordinateLoss`; None leaves it out.
        loss_iou: Config of a loss of overlap, see :class:`CoordinateLoss`; None leaves it out.
        init_cfg: See :class:`BaseTaskHead`.

    Raises:
        ConfigError: If the codec or a loss does not fit, or both losses of boxes are None.
    """

    also_serves = ('multi_object_detection',)

    def __init__(
        self,
        tasks: Sequence[Task | dict[str, Any]],
        in_channels: Sequence[int],
        in_index: Sequence[int] | None = None,
        channels: int = 256,
        num_convs: int = 2,
        share_outputs: bool = False,
        codec: dict[str, Any] = dict(type='aurora_mm.DenseBoxCodec'),
        loss_cls: dict[str, Any] = dict(type='aurora_mm.QualityFocalLoss'),
        loss_bbox: dict[str, Any] | None = dict(type='mmdet.SmoothL1Loss', beta=0.05, loss_weight=2.0),
        loss_iou: dict[str, Any] | None = dict(type='aurora_mm.GIoULoss'),
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(tasks, in_channels, codec, loss_cls, loss_bbox, loss_iou, init_cfg)
        self.in_index = list(range(len(self.in_channels)) if in_index is None else in_index)
        # The position in the image helps to classify, and to find the far side of a large object.
        self.fusion = TopDownFusion([self.in_channels[i] + 2 for i in self.in_index], channels)
        self.tower = nn.Sequential(*(conv_gn_act(channels, channels) for _ in range(num_convs)))
        self.outputs = TaskOutputs(
            self.tasks,
            lambda n: _output_layer(channels, n, self.codec.raw_prior),
            lambda task: 4 + task.num_outputs,
            share_outputs,
        )

    def forward(self, feats: Sequence[Tensor]) -> Tensor:
        """Compute the shared features ``(B, channels, h, w)``, see :class:`BaseTaskHead`."""
        maps = [torch.cat([feats[i], coordinate_channels(feats[i])], dim=1) for i in self.in_index]
        return self.tower(self.fusion(maps))

    @for_tasks_alike
    def score_loss(self, logits: Tensor, boxes: Tensor, targets: BoxTargets, task: Task) -> Tensor:
        """See :class:`BaseDetectionHead`.

        The target of a cell's score is the codec's score times the square root of the overlap of the predicted box with
        its target, so that the cell that predicts the box best gets the highest score. The root is taken because boxes
        overlap little at first, and targets that are low everywhere teach little. No gradient flows through the
        overlap: boxes are not changed to fit the scores.
        """
        overlap = aligned_iou(boxes.movedim(1, -1), targets.boxes.movedim(1, -1)).detach()
        sums = self.loss_cls(logits, targets.scores * overlap.sqrt()[:, None], task)
        return sums / targets.scores.sum((1, 2, 3)).clamp(min=1)


def _output_layer(channels: int, outputs: int, raw_prior: Sequence[float]) -> nn.Conv2d:
    """Build the last layer. At first it gives low scores, and in every cell the codec's box of medium size."""
    layer = nn.Conv2d(channels, outputs, 1)
    nn.init.normal_(layer.weight, std=0.01)
    prior_logit = -math.log(1 / _PRIOR_SCORE - 1)
    layer.bias = nn.Parameter(torch.tensor([*raw_prior, *[prior_logit] * (outputs - 4)]))
    return layer
