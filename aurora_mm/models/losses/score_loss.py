from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from aurora_mm.models.losses.element_loss import ElementLoss
from aurora_mm.tasks import Task


class ScoreLoss(ElementLoss):
    """Calls a loss of the score maps of a detector, such as :class:`QualityFocalLoss` or ``mmdet.VarifocalLoss``.

    Legend: B images, K classes (without background), h x w cells.

    Args:
        cfg: See :class:`HeadLoss`.
        tasks: See :class:`HeadLoss`.
        head: See :class:`HeadLoss`.
        argument: See :class:`HeadLoss`.
    """

    def forward(self, pred: Tensor, target: Tensor, task: Task) -> Tensor:
        """Compute the loss of one task.

        Args:
            pred: Logits ``(B, K, h, w)``.
            target: Target scores ``(B, K, h, w)`` in [0, 1].
            task: The task.

        Returns:
            ``(B,)``, summed over the cells and classes of each image.
        """
        return self.call(pred, target, task).flatten(1).sum(1)

    def _examples(self, task: Task) -> tuple[Tensor, Sequence[Tensor], Tensor]:
        target = torch.zeros(2, task.num_outputs, 3, 5)  # nothing in the first image
        target[1, 0, 1, 1:3] = torch.tensor([0.7, 1.0])
        # Right predictions have larger logits than wrong ones, so a loss that draws the logits to 0 and 1 does not
        # pass.
        return torch.logit(target, eps=0.05), [torch.where(target > 0, -1.0, 1.0)], target

    def _inputs(self) -> str:
        return "logits (B, K, h, w), wanted scores in [0, 1] of the same shape and reduction_override='none'"
