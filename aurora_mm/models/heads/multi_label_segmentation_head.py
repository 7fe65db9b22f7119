"""The head of segmentation tasks whose classes may overlap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from torch import Tensor

from aurora_mm.models.heads.base_mask_head import BaseMaskHead
from aurora_mm.models.heads.base_task_head import require_network_coordinates
from aurora_mm.models.heads.tasks_alike import for_tasks_alike
from aurora_mm.models.losses import MaskLoss
from aurora_mm.models.utils.linear_weights import linear_weights
from aurora_mm.models.utils.original_coordinates import class_masks_from_views
from aurora_mm.registry import MODELS
from aurora_mm.structures import LABEL_THRESHOLD, MaskView, MaskViews, TaskDataSample
from aurora_mm.tasks import Task


@MODELS.register_module()
class MultiLabelSegmentationHead(BaseMaskHead):
    """Predict a mask for each class independently, so that a pixel may belong to several classes or to none.

    Legend: n images of a task, C classes, h x w cells of the finest level, H x W pixels of the network input.

    Args:
        tasks: See :class:`BaseTaskHead`.
        in_channels: See :class:`BaseTaskHead`.
        loss_mask: Config of a loss of masks, see :class:`MaskLoss`; None leaves it out.
        loss_dice: Config of a second loss of masks, for the overlap; None leaves it out. The default is 1 - soft Dice,
            in which one pixel is added to numerator and denominator, so that a class that is in neither the target nor
            the prediction has a loss of 0.
        kwargs: See :class:`BaseMaskHead`.

    Raises:
        ConfigError: If a loss does not fit, or both are None.
    """

    task_type = 'multi_label_segmentation'
    reads_class_weight = True

    def __init__(
        self,
        tasks: Sequence[Task | dict[str, Any]],
        in_channels: Sequence[int],
        *,
        loss_mask: dict[str, Any] | None = dict(type='mmdet.CrossEntropyLoss', use_sigmoid=True),
        loss_dice: dict[str, Any] | None = dict(type='mmdet.DiceLoss', naive_dice=True, eps=1.0),
        **kwargs: Any,
    ) -> None:
        super().__init__(tasks, in_channels, **kwargs)
        self.require_one_of(loss_mask=loss_mask, loss_dice=loss_dice)
        self.loss_mask = self.build_optional_loss(MaskLoss, 'loss_mask', loss_mask)
        self.loss_dice = self.build_optional_loss(MaskLoss, 'loss_dice', loss_dice)

    @for_tasks_alike
    def loss_by_feat(self, output: Tensor, data_samples: Sequence[TaskDataSample], task: Task) -> dict[str, Tensor]:
        """Compute the losses at the size of the network input; ``output`` is ``(n, C, h, w)``."""
        require_network_coordinates(data_samples)
        target = torch.stack([sample.gt_class_masks.data for sample in data_samples])  # (n, C, H, W)
        logits = F.interpolate(output.float(), size=target.shape[-2:], mode='bilinear', align_corners=False)
        losses = dict(loss_mask=self.loss_mask, loss_dice=self.loss_dice)
        return {name: loss(logits, target, task) for name, loss in losses.items() if loss is not None}

    def predict_by_feat(self, output: Tensor, data_samples: Sequence[TaskDataSample], task: Task) -> None:
        """Set ``pred_class_masks`` at the original size, and ``mask_views``, the probabilities they are made from."""
        for probs, sample in zip(output.float().sigmoid(), data_samples, strict=True):
            sample.mask_views = MaskViews([MaskView(probs, sample.homography_matrix, sample.img_shape)])
            masks = class_masks_from_views(sample.mask_views, sample.ori_shape)
            sample.pred_class_masks = PixelData(data=masks)

    def tensors_by_feat(self, output: Tensor, task: Task, ori_shape: tuple[int, int]) -> dict[str, Tensor]:
        """Return ``class_masks``, (B, C, H, W) uint8, see :class:`BaseTaskHead`."""
        probs = output.float().sigmoid()
        rows, columns = (linear_weights(*sizes, probs) for sizes in zip(ori_shape, probs.shape[2:], strict=True))
        return dict(class_masks=(rows @ probs @ columns.T >= LABEL_THRESHOLD).to(torch.uint8))
