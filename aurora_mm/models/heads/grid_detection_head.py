"""The published detection head: one box an image, found by the best cell of a grid."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.structures import InstanceData
from torch import Tensor, nn

from aurora_mm.models.codecs import GridBoxCodec
from aurora_mm.models.heads.base_task_head import BaseTaskHead, require_network_coordinates
from aurora_mm.models.losses import aligned_iou
from aurora_mm.models.utils.build import build_in_scope
from aurora_mm.models.utils.layers import ResidualBlock, TaskOutputs, conv_gn_act, coordinate_channels
from aurora_mm.models.utils.original_coordinates import boxes_to_original
from aurora_mm.registry import MODELS
from aurora_mm.structures import MultiTaskDataSample
from aurora_mm.tasks import Task


@MODELS.register_module()
class GridDetectionHead(BaseTaskHead):
    """Some levels fused with coordinate channels; each cell gives objectness and a box.

    Legend: B images, K classes, h x w cells of the finest level used.

    Args:
        tasks, in_channels: See :class:`BaseTaskHead`.
        in_index: Levels to fuse; the published ones are the second to the fourth.
        channels: Width of the tower.
        num_blocks: Residual blocks of the tower.
        box_weight: Weight of the smooth L1 loss (beta 0.05, normalised coordinates).
        iou_weight: Weight of 1 - IoU, or of ``overlap_loss``.
        overlap_loss: Config of a loss of mmdet to use instead of 1 - IoU, such as ``dict(type='mmdet.GIoULoss')``.
        share_outputs: Slice one last layer for all tasks, as published; see :class:`TaskOutputs`.
    """

    task_type = 'detection'

    def __init__(
        self,
        tasks: Sequence[Task | dict],
        in_channels: Sequence[int],
        in_index: Sequence[int] = (1, 2, 3),
        channels: int = 256,
        num_blocks: int = 2,
        box_weight: float = 10.0,
        iou_weight: float = 5.0,
        overlap_loss: dict | None = None,
        share_outputs: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(tasks, in_channels, init_cfg)
        self.in_index = list(in_index)
        self.box_weight = box_weight
        self.iou_weight = iou_weight
        self.overlap_loss = None if overlap_loss is None else build_in_scope(overlap_loss)
        self.codec = GridBoxCodec()
        self.fusion = conv_gn_act(sum(self.in_channels[i] for i in self.in_index) + 2, channels, 1)
        self.tower = nn.Sequential(*(ResidualBlock(channels) for _ in range(num_blocks)))
        self.outputs = TaskOutputs(
            self.tasks, lambda n: nn.Conv2d(channels, n, 1), lambda task: 4 + task.num_outputs, share_outputs
        )

    def forward(self, feats: Sequence[Tensor], task: Task) -> tuple[Tensor, Tensor]:
        """Objectness logits ``(B, K, h, w)`` and boxes ``(B, 4, h, w)``, xyxy normalised by the input's size."""
        maps = [feats[i] for i in self.in_index]
        size = maps[0].shape[-2:]
        maps = [maps[0]] + [F.interpolate(m, size=size, mode='bilinear', align_corners=False) for m in maps[1:]]
        x = self.fusion(torch.cat([*maps, coordinate_channels(maps[0])], dim=1))
        out = self.outputs(self.tower(x), task).float()
        centre, extent = out[:, :2].sigmoid(), out[:, 2:4].sigmoid()
        return out[:, 4:], torch.cat([centre - extent / 2, centre + extent / 2], dim=1)

    def loss(
        self, feats: Sequence[Tensor], data_samples: Sequence[MultiTaskDataSample], task: Task
    ) -> dict[str, Tensor]:
        """Objectness on all cells, box losses on the positive ones."""
        require_network_coordinates(data_samples)
        logits, boxes = self(feats, task)
        targets = [self._encode(sample, task, logits) for sample in data_samples]
        truth = torch.stack([objectness for objectness, _ in targets])
        target_boxes = torch.stack([cell_boxes for _, cell_boxes in targets])

        num_positive = truth.sum()
        positive_weight = ((truth.numel() - num_positive) / num_positive.clamp(min=1)).clamp(1, 50)
        objectness = F.binary_cross_entropy_with_logits(logits, truth, pos_weight=positive_weight)

        positive = truth.amax(1) > 0  # (B, h, w)
        found = boxes.permute(0, 2, 3, 1)[positive]
        wanted = target_boxes.permute(0, 2, 3, 1)[positive]
        count = max(len(found), 1)  # without a box in the batch, the sums below are 0 and still reach every weight
        l1 = F.smooth_l1_loss(found, wanted, beta=0.05, reduction='sum') / (4 * count)
        if self.overlap_loss is None:
            overlap = (1 - aligned_iou(found, wanted)).sum() / count
        else:
            overlap = self.overlap_loss(found, wanted, reduction_override='sum') / count
        return dict(loss_obj=objectness, loss_box=self.box_weight * l1, loss_iou=self.iou_weight * overlap)

    def _encode(self, sample: MultiTaskDataSample, task: Task, like: Tensor) -> tuple[Tensor, Tensor]:
        height, width = sample.img_shape
        boxes = sample.gt_instances.bboxes.to(like) / like.new_tensor([width, height, width, height])
        labels = sample.gt_instances.labels.to(like.device)
        return self.codec.encode(boxes, labels, task.num_outputs, (like.shape[-2], like.shape[-1]))

    def predict(
        self, feats: Sequence[Tensor], data_samples: Sequence[MultiTaskDataSample], task: Task
    ) -> list[MultiTaskDataSample]:
        """Sets ``pred_instances`` to the one best box, in original pixels."""
        logits, boxes = self(feats, task)
        best, scores, labels = self.codec.decode(logits.sigmoid(), boxes)
        for i, sample in enumerate(data_samples):
            height, width = sample.img_shape
            pixels = best[i] * best.new_tensor([width, height, width, height])
            sample.pred_instances = InstanceData(
                bboxes=boxes_to_original(pixels, sample.homography_matrix, sample.ori_shape),
                scores=scores[i],
                labels=labels[i],
            )
        return list(data_samples)
