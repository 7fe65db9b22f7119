"""A dense detector: any number of boxes an image, each found by many cells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.structures import InstanceData
from torch import Tensor, nn

from aurora_mm.models.codecs import DenseBoxCodec
from aurora_mm.models.heads.base_task_head import BaseTaskHead, require_network_coordinates, size_xy
from aurora_mm.models.losses import aligned_giou, aligned_iou, quality_focal_loss
from aurora_mm.models.utils.layers import TaskOutputs, TopDownFusion, conv_gn_act, coordinate_channels
from aurora_mm.models.utils.original_coordinates import boxes_to_original
from aurora_mm.registry import MODELS
from aurora_mm.structures import MultiTaskDataSample
from aurora_mm.tasks import Task

_PRIOR_SCORE = 0.05
_PRIOR_SIDE = 0.4  # of a box, in sides of the image


@MODELS.register_module()
class DenseDetectionHead(BaseTaskHead):
    """Top-down fusion of levels and coordinate channels; each cell of the finest gives scores and a box.

    Legend: B images, K classes, h x w cells of the finest level used.

    Args:
        tasks, in_channels: See :class:`BaseTaskHead`.
        in_index: Levels to fuse, finest first; all by default. Stride 8 is fine enough for most targets.
        channels: Width of the fusion and the tower.
        num_convs: Convolutions of the tower.
        score_weight: Weight of the quality focal loss of the scores.
        overlap_weight: Weight of 1 - GIoU.
        side_weight: Weight of the smooth L1 loss of normalised coordinates.
        beta: Where smooth L1 turns from square to linear.
        codec: Arguments of :class:`DenseBoxCodec`.
        share_outputs: Slice one last layer for all tasks; see :class:`TaskOutputs`.
    """

    task_type = 'detection'

    def __init__(
        self,
        tasks: Sequence[Task | dict],
        in_channels: Sequence[int],
        in_index: Sequence[int] | None = None,
        channels: int = 256,
        num_convs: int = 2,
        score_weight: float = 1.0,
        overlap_weight: float = 1.0,
        side_weight: float = 2.0,
        beta: float = 0.05,
        codec: dict[str, Any] | None = None,
        share_outputs: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(tasks, in_channels, init_cfg)
        self.in_index = list(range(len(self.in_channels)) if in_index is None else in_index)
        self.score_weight = score_weight
        self.overlap_weight = overlap_weight
        self.side_weight = side_weight
        self.beta = beta
        self.codec = DenseBoxCodec(**(codec or {}))
        # Where in the image a cell lies says much about what is there, and where a large object's far side is.
        self.fusion = TopDownFusion([self.in_channels[i] + 2 for i in self.in_index], channels)
        self.tower = nn.Sequential(*(conv_gn_act(channels, channels) for _ in range(num_convs)))
        self.outputs = TaskOutputs(
            self.tasks, lambda n: _output_layer(channels, n), lambda task: 4 + task.num_outputs, share_outputs
        )

    def forward(self, feats: Sequence[Tensor], task: Task) -> tuple[Tensor, Tensor]:
        """Score logits ``(B, K, h, w)`` and boxes ``(B, 4, h, w)``, xyxy normalised by the input's size, unclipped."""
        maps = [torch.cat([feats[i], coordinate_channels(feats[i])], dim=1) for i in self.in_index]
        out = self.outputs(self.tower(self.fusion(maps)), task).float()
        return out[:, 4:], self.codec.place(out[:, :4])

    def loss(
        self, feats: Sequence[Tensor], data_samples: Sequence[MultiTaskDataSample], task: Task
    ) -> dict[str, Tensor]:
        """Means over the images, of each image's mean over its boxes.

        A cell's score is to be its place on the hill times the square root of the overlap that its own box reaches, so
        that the surest cell is the one that knows the box best; the root, because boxes overlap little at first, and
        scores that are to be low everywhere teach little. On the cells of a box's hill the box is learned.
        """
        require_network_coordinates(data_samples)
        logits, boxes = self(feats, task)
        targets = [self._encode(sample, task, logits) for sample in data_samples]
        hills, wanted, weights = (torch.stack(maps) for maps in zip(*targets, strict=True))

        found, wanted = boxes.permute(0, 2, 3, 1), wanted.permute(0, 2, 3, 1)  # (B, h, w, 4)
        quality = hills * aligned_iou(found, wanted).detach().sqrt()[:, None]
        scores = quality_focal_loss(logits, quality).sum((1, 2, 3)) / hills.sum((1, 2, 3)).clamp(min=1)
        # Without a box in an image its weights are 0: the terms are too, and still reach every weight of the head.
        overlap = (weights * (1 - aligned_giou(found, wanted))).sum((1, 2))
        sides = (weights * F.smooth_l1_loss(found, wanted, beta=self.beta, reduction='none').mean(3)).sum((1, 2))
        return dict(
            loss_score=self.score_weight * scores.mean(),
            loss_overlap=self.overlap_weight * overlap.mean(),
            loss_side=self.side_weight * sides.mean(),
        )

    def _encode(self, sample: MultiTaskDataSample, task: Task, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        boxes = sample.gt_instances.bboxes.to(like) / size_xy(sample).to(like).repeat(2)
        labels = sample.gt_instances.labels.to(like.device)
        return self.codec.encode(boxes, labels, task.num_outputs, (like.shape[-2], like.shape[-1]))

    def predict(
        self, feats: Sequence[Tensor], data_samples: Sequence[MultiTaskDataSample], task: Task
    ) -> list[MultiTaskDataSample]:
        """Sets ``pred_instances`` in original pixels, the surest box first; there is at least one."""
        logits, boxes = self(feats, task)
        for found, sample in zip(self.codec.decode(logits.sigmoid(), boxes), data_samples, strict=True):
            pixels = found.bboxes * size_xy(sample).to(boxes).repeat(2)
            sample.pred_instances = InstanceData(
                bboxes=boxes_to_original(pixels, sample.homography_matrix, sample.ori_shape),
                scores=found.scores,
                labels=found.labels,
            )
        return list(data_samples)


def _output_layer(channels: int, outputs: int) -> nn.Conv2d:
    """The last layer, which at first finds nothing anywhere, and in every cell a box of middling size around it."""
    layer = nn.Conv2d(channels, outputs, 1)
    nn.init.normal_(layer.weight, std=0.01)
    with torch.no_grad():
        layer.bias[:2] = 0
        layer.bias[2:4] = math.log(math.expm1(_PRIOR_SIDE))  # softplus gives the side
        layer.bias[4:] = -math.log(1 / _PRIOR_SCORE - 1)
    return layer
