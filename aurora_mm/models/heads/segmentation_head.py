"""The published segmentation head."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from torch import Tensor, nn

from aurora_mm.models.heads.base_task_head import BaseTaskHead, require_network_coordinates
from aurora_mm.models.losses import dice_loss, weighted_cross_entropy
from aurora_mm.models.utils.build import build_in_scope
from aurora_mm.models.utils.layers import TaskOutputs, TopDownFusion
from aurora_mm.models.utils.original_coordinates import mask_from_views
from aurora_mm.registry import MODELS
from aurora_mm.structures import MaskView, MultiTaskDataSample
from aurora_mm.tasks import Task


@MODELS.register_module()
class SegmentationHead(BaseTaskHead):
    """Top-down fusion of all levels, then a 1 x 1 convolution a task.

    Legend: B images, C classes with background, h x w the finest level, H x W the network input.

    Args:
        tasks, in_channels: See :class:`BaseTaskHead`.
        channels: Width of the fusion.
        dropout: Probability of dropping a channel before the last layer.
        background_weight: Weight of the background in the cross entropy.
        class_balance: How far the cross entropy makes up for small classes: 0 counts pixels (published), 1 classes, see
            :func:`aurora_mm.models.losses.weighted_cross_entropy`.
        dice_weight: Weight of the Dice loss beside the cross entropy.
        share_outputs: Slice one last layer for all tasks, as published; see :class:`TaskOutputs`.
        losses: Configs of losses to use instead, such as ``dict(type='mmseg.LovaszLoss', reduction='none')``; each is
            called with logits ``(B, C, H, W)`` and targets ``(B, H, W)``, and reported by its ``loss_name``.
    """

    task_type = 'segmentation'

    def __init__(
        self,
        tasks: Sequence[Task | dict],
        in_channels: Sequence[int],
        channels: int = 256,
        dropout: float = 0.1,
        background_weight: float = 0.2,
        class_balance: float = 0.0,
        dice_weight: float = 1.0,
        share_outputs: bool = False,
        losses: Sequence[dict] | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(tasks, in_channels, init_cfg)
        self.background_weight = background_weight
        self.class_balance = class_balance
        self.dice_weight = dice_weight
        self.losses = None if losses is None else nn.ModuleList(build_in_scope(loss) for loss in losses)
        self.fusion = TopDownFusion(in_channels, channels)
        self.dropout = nn.Dropout2d(dropout)
        self.outputs = TaskOutputs(
            self.tasks, lambda n: nn.Conv2d(channels, n, 1), lambda task: task.num_outputs, share_outputs
        )

    def forward(self, feats: Sequence[Tensor], task: Task) -> Tensor:
        """Logits ``(B, C, h, w)``."""
        return self.outputs(self.dropout(self.fusion(feats)), task)

    def loss(
        self, feats: Sequence[Tensor], data_samples: Sequence[MultiTaskDataSample], task: Task
    ) -> dict[str, Tensor]:
        """Cross entropy and Dice, or the losses that were given, at the input's resolution."""
        require_network_coordinates(data_samples)
        target = torch.cat([sample.gt_sem_seg.data for sample in data_samples]).to(feats[0].device)  # (B, H, W)
        logits = F.interpolate(self(feats, task).float(), size=target.shape[-2:], mode='bilinear', align_corners=False)
        if self.losses is not None:
            return {f'{i}_{loss.loss_name}': loss(logits, target) for i, loss in enumerate(self.losses)}
        return dict(
            loss_ce=weighted_cross_entropy(logits, target, self.background_weight, self.class_balance),
            loss_dice=self.dice_weight * dice_loss(logits, target),
        )

    def predict(
        self, feats: Sequence[Tensor], data_samples: Sequence[MultiTaskDataSample], task: Task
    ) -> list[MultiTaskDataSample]:
        """Sets ``pred_sem_seg`` at the original size, and the ``mask_views`` that it follows from."""
        return set_predicted_masks(self(feats, task).float(), data_samples)


def set_predicted_masks(logits: Tensor, data_samples: Sequence[MultiTaskDataSample]) -> list[MultiTaskDataSample]:
    """The samples with ``pred_sem_seg`` set, the likeliest class of each original pixel, and with the ``mask_views``
    that it follows from, by which predictions are merged.

    Args:
        logits: ``(B, C, h, w)`` over the whole network input, at any resolution.
    """
    for probs, sample in zip(logits.softmax(1), data_samples, strict=True):
        sample.mask_views = [MaskView(probs, sample.homography_matrix, sample.img_shape)]
        sample.pred_sem_seg = PixelData(data=mask_from_views(sample.mask_views, sample.ori_shape))
    return list(data_samples)
