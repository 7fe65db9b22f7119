from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from aurora_mm.models.losses.element_loss import ElementLoss
from aurora_mm.tasks import Task


class CoordinateLoss(ElementLoss):
    """Calls a loss of boxes, points or numbers, such as ``mmdet.SmoothL1Loss``, or for boxes ``mmdet.GIoULoss``.

    Legend: B images, N rows (cells or points), D coordinates: 4 of a box (xyxy), 2 of a point or 1 number.

    Args:
        cfg: See :class:`HeadLoss`.
        tasks: See :class:`HeadLoss`.
        head: See :class:`HeadLoss`.
        argument: See :class:`HeadLoss`.
        dimensions: D, 4 for boxes, 2 for points or 1 for numbers.
    """

    def __init__(self, cfg: dict[str, Any], tasks: Sequence[Task], head: str, argument: str, dimensions: int) -> None:
        self.dimensions = dimensions
        super().__init__(cfg, tasks, head, argument)

    def forward(self, pred: Tensor, target: Tensor, task: Task, weight: Tensor | None = None) -> Tensor:
        """Compute the loss of one task.

        Args:
            pred: Predictions ``(B, N, D)``, normalised to [0, 1] by the size of the network input; numbers are
                standardised.
            target: Targets ``(B, N, D)`` in the same coordinates.
            task: The task.
            weight: Weights ``(B, N)``, which sum to 1 in an image, or to 0 in an image without a target; 1 / N by
                default.

        Returns:
            ``(B,)``, the weighted sum over the rows of each image. If the loss returns a value for each coordinate,
            they are averaged over the coordinates.
        """
        if weight is None:
            weight = pred.new_full(pred.shape[:2], 1 / pred.shape[1])
        # Rows of weight 0 become two boxes that overlap and differ in every coordinate, for which every loss of boxes
        # and its gradient are finite.
        counts, coordinate = (
            (weight > 0)[..., None],
            torch.arange(self.dimensions, device=pred.device, dtype=pred.dtype),
        )
        pred, target = pred.where(counts, 0.2 + 0.2 * coordinate), target.where(counts, 0.25 + 0.18 * coordinate)
        values = self.call(pred.flatten(0, 1), target.flatten(0, 1), task)
        values = values.reshape(*weight.shape, -1).mean(2)
        return (values * weight).sum(1)

    def _examples(self, task: Task) -> tuple[Tensor, Sequence[Tensor], Tensor]:
        target = torch.tensor([[0.2, 0.3, 0.6, 0.7], [-0.5, -0.6, -0.1, -0.1]])  # predictions may lie outside the image
        step = torch.tensor([0.05, 0.02, 0.06, 0.03])
        near, *far = (
            x[:, : self.dimensions] for x in (target + step / 10, target + 2 * step, target - 2 * step, target + 0.05)
        )
        return near, far, target[:, : self.dimensions]

    def _inputs(self) -> str:
        kind = {4: 'boxes', 2: 'points', 1: 'numbers'}[self.dimensions]
        return f"{kind} (N, {self.dimensions}), their targets and reduction_override='none'"
