from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from aurora_mm.models.losses.reduction import reduce_loss
from aurora_mm.registry import MODELS


@MODELS.register_module()
class BalancedBinaryCrossEntropyLoss(nn.Module):
    """Sigmoid cross entropy in which the positive cells of an image weigh as much as its negative cells.

    A positive cell has the weight ``negatives / positives`` of its image, but at least 1 and at most
    ``max_pos_weight``. This is the published loss for the objectness of the grid detector.

    Args:
        max_pos_weight: Largest weight of a positive cell.
        loss_weight: Factor by which the result is multiplied.
    """

    def __init__(self, max_pos_weight: float = 50.0, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.max_pos_weight = max_pos_weight
        self.loss_weight = loss_weight

    def forward(self, pred: Tensor, target: Tensor, reduction_override: str | None = None) -> Tensor:
        """Compute the loss.

        Args:
            pred: Logits ``(B, ...)``.
            target: 0 or 1, of the shape of ``pred``.
            reduction_override: 'none', 'mean' (default) or 'sum'.

        Returns:
            ``(B, ...)`` or a scalar.
        """
        cells = target.flatten(1)
        positives = cells.sum(1)
        pos_weight = ((cells.shape[1] - positives) / positives.clamp(min=1)).clamp(1, self.max_pos_weight)
        pos_weight = pos_weight.reshape(-1, *[1] * (pred.dim() - 1))
        loss = F.binary_cross_entropy_with_logits(pred, target, pos_weight=pos_weight, reduction='none')
        return self.loss_weight * reduce_loss(loss, reduction_override)
