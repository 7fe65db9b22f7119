from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from aurora_mm.models.losses.reduction import reduce_loss
from aurora_mm.registry import MODELS


@MODELS.register_module()
class QualityFocalLoss(nn.Module):
    """Quality focal loss (https://arxiv.org/abs/2006.04388) of scores with soft targets.

    It is sigmoid cross entropy times the distance between score and target to the power ``beta``, so that cells with a
    good score have little weight. ``mmdet.QualityFocalLoss`` returns the same values, but copies from the device to the
    host.

    Legend: B images, K classes (without background).

    Args:
        beta: Exponent of the distance.
        loss_weight: Factor by which the result is multiplied.
    """

    def __init__(self, beta: float = 2.0, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.beta = beta
        self.loss_weight = loss_weight

    def forward(self, pred: Tensor, target: Tensor, reduction_override: str | None = None) -> Tensor:
        """Compute the loss.

        Args:
            pred: Logits ``(B, K, ...)``.
            target: Target scores in [0, 1], of the shape of ``pred``.
            reduction_override: 'none', 'mean' (default) or 'sum'.

        Returns:
            The sums over classes ``(B, ...)``, or a scalar.
        """
        entropy = F.binary_cross_entropy_with_logits(pred, target, reduction='none')
        loss = ((target - pred.sigmoid()).abs() ** self.beta * entropy).sum(1)
        return self.loss_weight * reduce_loss(loss, reduction_override)
