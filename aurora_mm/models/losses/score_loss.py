from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from aurora_mm.models.losses.element_loss import ElementLoss
from aurora_mm.tasks import Task


class ScoreLoss(ElementLoss):
    """A loss of the score maps of a detector, such as :class:`QualityFocalLoss` or ``mmdet.VarifocalLoss``.

    Legend: B images, K classes, h x w cells.

    Args:
        cfg, tasks, head, argument: See :class:`HeadLoss`.
    """

    def forward(self, pred: Tensor, target: Tensor, task: Task) -> Tensor:
        """Compute the loss of one task.

        Args:
            pred: Logits ``(B, K, h, w)``.
            target: Wanted scores ``(B, K, h, w)`` in [0, 1].
            task: The task.

        Returns:
            ``(B,)``, the sums over the cells and classes of each image.
        """
        return self.call(pred, target, task).flatten(1).sum(1)

    def _examples(self, task: Task) -> tuple[Tensor, Sequence[Tensor], Tensor]:
        target = torch.zeros(2, task.num_outputs, 3, 5)  # nothing in the first image
        target[1, 0, 1, 1:3] = torch.tensor([0.7, 1.0])
        # Sure of what is right and not so sure of what is wrong: a loss that draws the logits towards 0 and 1 is none.
        return torch.logit(target, eps=0.05), [torch.where(target > 0, -1.0, 1.0)], target

    def _inputs(self) -> str:
        return "logits (B, K, h, w), wanted scores in [0, 1] of the same shape and reduction_override='none'"
