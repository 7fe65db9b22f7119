"""Focal losses, for maps on which nearly all cells are background."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def quality_focal_loss(logits: Tensor, targets: Tensor, beta: float = 2.0) -> Tensor:
    """Cross entropy of each cell with a soft target, times its distance from the target to the power ``beta``, so that
    cells which are right already count little (quality focal loss, https://arxiv.org/abs/2006.04388).

    Args:
        logits: ``(...)``. targets: ``(...)`` in [0, 1].

    Returns:
        ``(...)``, not reduced.
    """
    entropy = F.binary_cross_entropy_with_logits(logits, targets, reduction='none')
    return (targets - logits.sigmoid()).abs() ** beta * entropy
