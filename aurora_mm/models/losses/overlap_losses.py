"""Losses of the overlap of boxes that, unlike those of mmdet, copy nothing from the device to the host."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from aurora_mm.models.losses.reduction import reduce_loss
from aurora_mm.models.utils.boxes import aligned_giou, aligned_iou
from aurora_mm.registry import MODELS


class _OverlapLoss(nn.Module):
    """1 - :meth:`overlap` of boxes with their targets.

    Args:
        loss_weight: Factor by which the result is multiplied.
    """

    overlap: Callable[[Tensor, Tensor], Tensor]

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, pred: Tensor, target: Tensor, reduction_override: str | None = None) -> Tensor:
        """Compute the loss.

        Args:
            pred: ``(N, 4)`` xyxy.
            target: ``(N, 4)`` xyxy, in the same unit.
            reduction_override: 'none', 'mean' (default) or 'sum'.

        Returns:
            ``(N,)`` or a scalar.
        """
        return self.loss_weight * reduce_loss(1 - self.overlap(pred, target), reduction_override)


@MODELS.register_module()
class LinearIoULoss(_OverlapLoss):
    """1 - IoU, as ``mmdet.IoULoss(mode='linear')``.

    Args:
        loss_weight: Factor by which the result is multiplied.
    """

    overlap = staticmethod(aligned_iou)


@MODELS.register_module()
class GIoULoss(_OverlapLoss):
    """1 - generalised IoU (https://arxiv.org/abs/1902.09630), as ``mmdet.GIoULoss``.

    Args:
        loss_weight: Factor by which the result is multiplied.
    """

    overlap = staticmethod(aligned_giou)
