from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from aurora_mm.models.losses.element_loss import ElementLoss
from aurora_mm.models.utils.tensor_like import tensor_like
from aurora_mm.structures import IGNORED
from aurora_mm.tasks import Task


class MaskLoss(ElementLoss):
    """Calls a loss of the masks of single classes, such as ``mmdet.CrossEntropyLoss(use_sigmoid=True)``.

    The loss gets each mask of an image as a row of pixels. It gives a value for each row, as ``mmdet.DiceLoss`` does,
    or for each pixel. Classes that are not labelled in an image do not count in its mean. The ``class_weight`` of a
    task holds a factor for the loss of each class.

    Legend: B images, C classes, H x W pixels.

    Args:
        cfg: See :class:`HeadLoss`.
        tasks: See :class:`HeadLoss`.
        head: See :class:`HeadLoss`.
        argument: See :class:`HeadLoss`.
    """

    def forward(self, pred: Tensor, target: Tensor, task: Task) -> Tensor:
        """Compute the loss of one task.

        Args:
            pred: Logits ``(B, C, H, W)``.
            target: 1 in the pixels of each class and 0 in the others, ``(B, C, H, W)`` uint8; 255 in all pixels of a
                class that is not labelled.
            task: The task.

        Returns:
            ``(B,)``, the mean over the labelled classes of each image, and over the pixels if the loss gives a value
            for each; 0 for an image without any.
        """
        pred, target = pred.flatten(2), target.flatten(2)  # (B, C, H W)
        labelled = (target[..., 0] != IGNORED).to(pred.dtype)  # (B, C)
        wanted = (target == 1).to(pred.dtype)
        values = self.call(pred.flatten(0, 1), wanted.flatten(0, 1), task)
        values = values.reshape(*labelled.shape, -1).mean(2)
        if task.class_weight:
            values = values * tensor_like(task.class_weight, values)
        return (values * labelled).sum(1) / labelled.sum(1).clamp(min=1)

    def _examples(self, task: Task) -> tuple[Tensor, Sequence[Tensor], Tensor]:
        target = torch.zeros(3, 12)
        target[1, 2:7] = 1.0
        target[2] = 1.0
        return 6 * target - 3, [3 - 6 * target], target

    def _inputs(self) -> str:
        return "logits of masks (N, P), targets 0 or 1 of the same shape and reduction_override='none'"
