"""Losses on class maps. Background is class 0; pixels of value :data:`IGNORE` (mmseg's padding) do not count."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

IGNORE = 255


def weighted_cross_entropy(logits: Tensor, target: Tensor, background_weight: float, balance: float = 0.0) -> Tensor:
    """Cross entropy, the background weighing ``background_weight`` and any other class 1; the weighted mean.

    Args:
        logits: ``(B, C, H, W)``. target: ``(B, H, W)`` int64 class indices.
        balance: Weights are multiplied by the power ``-balance`` of the class's share of the pixels that count. With 1
            every class that occurs counts as a whole, however small it is; 0.5 goes half the way.
    """
    weight = logits.new_ones(logits.shape[1])
    weight[0] = background_weight
    if balance:
        pixels = torch.bincount(target.flatten(), minlength=IGNORE + 1)[: logits.shape[1]].to(weight)
        share = pixels / pixels.sum().clamp(min=1)
        weight = torch.where(pixels > 0, weight * share.clamp(min=1e-12) ** -balance, weight)
    return F.cross_entropy(logits, target, weight=weight, ignore_index=IGNORE)


def dice_loss(logits: Tensor, target: Tensor, smooth: float = 1.0) -> Tensor:
    """1 - soft Dice, the mean over images and foreground classes.

    ``smooth`` (in pixels) is added to both sides of the fraction, so that a class absent from truth and prediction
    costs nothing.

    Args:
        logits: ``(B, C, H, W)``. target: ``(B, H, W)`` int64 class indices.
    """
    counted = (target != IGNORE).flatten(1)[:, None]
    probs = logits.float().softmax(1)[:, 1:].flatten(2) * counted
    truth = torch.stack([target == c for c in range(1, logits.shape[1])], dim=1).flatten(2).to(probs.dtype)
    overlap = (probs * truth).sum(2)
    return 1 - ((2 * overlap + smooth) / (probs.sum(2) + truth.sum(2) + smooth)).mean()
