from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from aurora_mm.models.losses.element_loss import ElementLoss
from aurora_mm.tasks import Task


class HeatmapLoss(ElementLoss):
    """Calls a loss of heatmaps that hold probabilities, such as ``mmdet.CrossEntropyLoss``.

    Legend: B images, K points, h x w cells.

    Args:
        cfg: See :class:`HeadLoss`.
        tasks: See :class:`HeadLoss`.
        head: See :class:`HeadLoss`.
        argument: See :class:`HeadLoss`.
    """

    def forward(self, pred: Tensor, target: Tensor, task: Task, weight: Tensor) -> Tensor:
        """Compute the loss of one task.

        Args:
            pred: Logits ``(B, K, h, w)`` of the cells.
            target: Probabilities ``(B, K, h, w)``; each heatmap sums to 1.
            task: The task.
            weight: Weights ``(B, K)`` of the points, which sum to 1 in an image.

        Returns:
            ``(B,)``, the weighted sum over the points of each image. If the loss returns a value for each cell, they
            are summed over the cells.
        """
        values = self.call(pred.flatten(2).flatten(0, 1), target.flatten(2).flatten(0, 1), task)
        return (values.reshape(len(values), -1).sum(1).reshape(pred.shape[:2]) * weight).sum(1)

    def _examples(self, task: Task) -> tuple[Tensor, Sequence[Tensor], Tensor]:
        target = torch.tensor([[0.1, 0.6, 0.2, 0.1], [0.05, 0.05, 0.1, 0.8], [0.5, 0.3, 0.1, 0.1]])
        logits = target.log()
        # Softmax ignores the 5; a loss that compares single cells does not. The wrong heatmaps are too flat and too
        # sharp.
        return logits + 5, [0.3 * logits, 3 * logits], target

    def _inputs(self) -> str:
        return "logits (maps, cells), probabilities (maps, cells) and reduction_override='none'"
