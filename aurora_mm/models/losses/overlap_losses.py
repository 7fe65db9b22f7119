"""Losses of how much boxes overlap, which read nothing back to the host as mmdet's do."""

from __future__ import annotations

from torch import Tensor, nn

from aurora_mm.models.losses.reduction import reduce_loss
from aurora_mm.models.utils.boxes import aligned_giou, aligned_iou
from aurora_mm.registry import MODELS


@MODELS.register_module()
class LinearIoULoss(nn.Module):
    """1 - IoU, as ``mmdet.IoULoss(mode='linear')``.

    Args:
        loss_weight: Factor of the result.
    """

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
        return self.loss_weight * reduce_loss(1 - aligned_iou(pred, target), reduction_override)


@MODELS.register_module()
class GIoULoss(nn.Module):
    """1 - generalised IoU (https://arxiv.org/abs/1902.09630), as ``mmdet.GIoULoss``.

    Args:
        loss_weight: Factor of the result.
    """

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
        return self.loss_weight * reduce_loss(1 - aligned_giou(pred, target), reduction_override)
