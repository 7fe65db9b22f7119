"""A dense detector: any number of boxes an image, each found by many cells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from aurora_mm.models.codecs import BoxTargets
from aurora_mm.models.heads.base_detection_head import BaseDetectionHead
from aurora_mm.models.utils.boxes import aligned_iou
from aurora_mm.models.utils.layers import TaskOutputs, TopDownFusion, conv_gn_act, coordinate_channels
from aurora_mm.registry import MODELS
from aurora_mm.tasks import Task

_PRIOR_SCORE = 0.05


@MODELS.register_module()
class DenseDetectionHead(BaseDetectionHead):
    """Top-down fusion of levels and coordinate channels; each cell of the finest gives scores and a box.

    Legend: B images, n of them of a task, K classes, h x w cells of the finest level used.

    Args:
        tasks, in_channels: See :class:`BaseTaskHead`.
        in_index: Levels to fuse, finest first; all by default. Stride 8 is fine enough for most targets.
        channels: Width of the fusion and the tower.
        num_convs: Convolutions of the tower.
        share_outputs: Slice one last layer for all tasks; see :class:`TaskOutputs`.
        codec: Config of a :class:`BaseBoxCodec`.
        loss_cls: Config of a loss of score maps, see :class:`ScoreLoss`. Its sum over an image is divided by the sum of
            the codec's scores, at least 1.
        loss_bbox: Config of a loss of normalised coordinates, see :class:`CoordinateLoss`; None leaves it out.
        loss_iou: Config of a loss of overlap, see :class:`CoordinateLoss`; None leaves it out.
    """

    def __init__(
        self,
        tasks: Sequence[Task | dict],
        in_channels: Sequence[int],
        in_index: Sequence[int] | None = None,
        channels: int = 256,
        num_convs: int = 2,
        share_outputs: bool = False,
        codec: dict[str, Any] = dict(type='aurora_mm.DenseBoxCodec'),
        loss_cls: dict[str, Any] = dict(type='aurora_mm.QualityFocalLoss'),
        loss_bbox: dict[str, Any] | None = dict(type='mmdet.SmoothL1Loss', beta=0.05, loss_weight=2.0),
        loss_iou: dict[str, Any] | None = dict(type='aurora_mm.GIoULoss'),
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(tasks, in_channels, codec, loss_cls, loss_bbox, loss_iou, init_cfg)
        self.in_index = list(range(len(self.in_channels)) if in_index is None else in_index)
        # Where in the image a cell lies says much about what is there, and where a large object's far side is.
        self.fusion = TopDownFusion([self.in_channels[i] + 2 for i in self.in_index], channels)
        self.tower = nn.Sequential(*(conv_gn_act(channels, channels) for _ in range(num_convs)))
        self.outputs = TaskOutputs(
            self.tasks,
            lambda n: _output_layer(channels, n, self.codec.raw_prior),
            lambda task: 4 + task.num_outputs,
            share_outputs,
        )

    def forward(self, feats: Sequence[Tensor]) -> Tensor:
        """See :class:`BaseTaskHead`: ``(B, channels, h, w)``."""
        maps = [torch.cat([feats[i], coordinate_channels(feats[i])], dim=1) for i in self.in_index]
        return self.tower(self.fusion(maps))

    def score_loss(self, logits: Tensor, boxes: Tensor, targets: BoxTargets, task: Task) -> Tensor:
        """See :class:`BaseDetectionHead`.

        A cell's score is to be the codec's times the square root of the overlap that its own box reaches, so that the
        surest cell is the one that knows the box best; the root, because boxes overlap little at first, and scores that
        are to be low everywhere teach little. How well the box fits is not changed to suit the score: no gradient flows
        that way.
        """
        overlap = aligned_iou(boxes.movedim(1, -1), targets.boxes.movedim(1, -1)).detach()
        sums = self.loss_cls(logits, targets.scores * overlap.sqrt()[:, None], task)
        return sums / targets.scores.sum((1, 2, 3)).clamp(min=1)


def _output_layer(channels: int, outputs: int, raw_prior: Sequence[float]) -> nn.Conv2d:
    """The last layer, which at first finds nothing anywhere, and in every cell the codec's box of middling size."""
    layer = nn.Conv2d(channels, outputs, 1)
    nn.init.normal_(layer.weight, std=0.01)
    with torch.no_grad():
        layer.bias[:4] = torch.tensor(raw_prior)
        layer.bias[4:] = -math.log(1 / _PRIOR_SCORE - 1)
    return layer
