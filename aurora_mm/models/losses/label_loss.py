from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from aurora_mm.models.losses.element_loss import ElementLoss
from aurora_mm.tasks import Task


class LabelLoss(ElementLoss):
    """Calls a loss of the classes that an image may have, such as ``mmdet.CrossEntropyLoss(use_sigmoid=True)``.

    Legend: B images, C classes.

    Args:
        cfg: See :class:`HeadLoss`. ``class_weight`` of ``mmdet.CrossEntropyLoss`` holds a weight for each class, by
            which the loss of the images of the class is multiplied, for classes that few images have.
        tasks: See :class:`HeadLoss`.
        head: See :class:`HeadLoss`.
        argument: See :class:`HeadLoss`.
    """

    def forward(self, pred: Tensor, target: Tensor, task: Task) -> Tensor:
        """Compute the loss of one task.

        Args:
            pred: Logits ``(B, C)``.
            target: 1 for the classes of each image and 0 for the others, ``(B, C)``.
            task: The task.

        Returns:
            ``(B,)``, the mean over the classes.
        """
        return self.call(pred, target, task).reshape(len(pred), -1).mean(1)

    def _examples(self, task: Task) -> tuple[Tensor, Sequence[Tensor], Tensor]:
        target = torch.zeros(3, task.num_outputs)
        target[1, 0] = 1.0
        target[2] = 1.0
        return 6 * target - 3, [3 - 6 * target], target

    def _inputs(self) -> str:
        return "logits (B, C), targets 0 or 1 of the same shape and reduction_override='none'"
