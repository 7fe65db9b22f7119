"""The segmentation head of the paper."""

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
from aurora_mm.models.losses import ClassLoss
from aurora_mm.models.utils.linear_weights import linear_weights
from aurora_mm.models.utils.original_coordinates import mask_from_views
from aurora_mm.registry import MODELS
from aurora_mm.structures import MaskView, MaskViews, TaskDataSample
from aurora_mm.tasks import Task


@MODELS.register_module()
class SegmentationHead(BaseMaskHead):
    """Segment by top-down fusion of all levels and a 1 x 1 convolution for each task.

    Legend: n images of a task, C classes (background counted), h x w cells of the finest level, H x W pixels of the
    network input.

    Args:
        tasks: See :class:`BaseTaskHead`.
        in_channels: See :class:`BaseTaskHead`.
        loss_cls: Config of a loss of class maps, see :class:`ClassLoss`; None leaves it out.
        loss_dice: Config of a second loss of class maps, for the overlap; None leaves it out.
        kwargs: See :class:`BaseMaskHead`.

    Raises:
        ConfigError: If a loss does not fit, or both are None.
    """

    task_type = 'segmentation'
    reads_class_weight = True

    def __init__(
        self,
        tasks: Sequence[Task | dict[str, Any]],
        in_channels: Sequence[int],
        *,
        loss_cls: dict[str, Any] | None = dict(type='aurora_mm.BalancedCrossEntropyLoss', background_weight=0.2),
        loss_dice: dict[str, Any] | None = dict(type='aurora_mm.ForegroundDiceLoss'),
        **kwargs: Any,
    ) -> None:
        super().__init__(tasks, in_channels, **kwargs)
        self.require_one_of(loss_cls=loss_cls, loss_dice=loss_dice)
        self.loss_cls = self.build_optional_loss(ClassLoss, 'loss_cls', loss_cls, pixels=True)
        self.loss_dice = self.build_optional_loss(ClassLoss, 'loss_dice', loss_dice, pixels=True)
        self.require_weighed(loss_cls=loss_cls, loss_dice=loss_dice)

    @for_tasks_alike
    def loss_by_feat(self, output: Tensor, data_samples: Sequence[TaskDataSample], task: Task) -> dict[str, Tensor]:
        """Compute the losses at the size of the network input; ``output`` is ``(n, C, h, w)``."""
        require_network_coordinates(data_samples)
        target = torch.cat([sample.gt_sem_seg.data for sample in data_samples])  # (n, H, W)
        logits = F.interpolate(output.float(), size=target.shape[-2:], mode='bilinear', align_corners=False)
        losses = dict(loss_cls=self.loss_cls, loss_dice=self.loss_dice)
        return {name: loss(logits, target, task) for name, loss in losses.items() if loss is not None}

    def predict_by_feat(self, output: Tensor, data_samples: Sequence[TaskDataSample], task: Task) -> None:
        """Set ``pred_sem_seg`` at the original size, and ``mask_views``, the probabilities that it is made from."""
        set_predicted_masks(output.float(), data_samples)

    def tensors_by_feat(self, output: Tensor, task: Task, ori_shape: tuple[int, int]) -> dict[str, Tensor]:
        """Return ``mask``, see :class:`BaseTaskHead`."""
        probs = output.float().softmax(1)
        rows, columns = (linear_weights(*sizes, probs) for sizes in zip(ori_shape, probs.shape[2:], strict=True))
        return dict(mask=(rows @ probs @ columns.T).argmax(1).to(torch.uint8))


def set_predicted_masks(logits: Tensor, data_samples: Sequence[TaskDataSample]) -> None:
    """Set ``pred_sem_seg``, the most probable class of each original pixel, and ``mask_views``.

    ``mask_views`` holds the probabilities that ``pred_sem_seg`` is made from; test-time augmentation merges predictions
    by them.

    Args:
        logits: Logits ``(n, C, h, w)`` over the whole network input, at any resolution; background counted.
        data_samples: The samples of the n images.
    """
    for probs, sample in zip(logits.softmax(1), data_samples, strict=True):
        sample.mask_views = MaskViews([MaskView(probs, sample.homography_matrix, sample.img_shape)])
        sample.pred_sem_seg = PixelData(data=mask_from_views(sample.mask_views, sample.ori_shape))
