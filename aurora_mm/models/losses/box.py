"""Overlap of boxes, for losses."""

from __future__ import annotations

import torch
from torch import Tensor


def aligned_iou(boxes: Tensor, targets: Tensor, eps: float = 1e-7) -> Tensor:
    """Intersection over union of boxes with targets.

    Args:
        boxes: ``(..., 4)`` xyxy. targets: Of the same shape, or one that broadcasts against it: each row of
            ``boxes[:, None]`` meets every one of ``targets``.

    Returns:
        ``(...)`` fractions in [0, 1].
    """
    overlap, union = _overlap_and_union(boxes, targets)
    return overlap / (union + eps)


def aligned_giou(boxes: Tensor, targets: Tensor, eps: float = 1e-7) -> Tensor:
    """Generalised intersection over union (https://arxiv.org/abs/1902.09630), which falls on below 0 as boxes part.

    IoU less the share of the smallest box around both that neither covers. Arguments as :func:`aligned_iou` has them.

    Returns:
        ``(...)`` in (-1, 1].
    """
    overlap, union = _overlap_and_union(boxes, targets)
    low = torch.minimum(boxes[..., :2], targets[..., :2])
    high = torch.maximum(boxes[..., 2:], targets[..., 2:])
    around = (high - low).clamp(min=0).prod(-1)
    return overlap / (union + eps) - (around - union) / (around + eps)


def _overlap_and_union(boxes: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    low = torch.maximum(boxes[..., :2], targets[..., :2])
    high = torch.minimum(boxes[..., 2:], targets[..., 2:])
    overlap = (high - low).clamp(min=0).prod(-1)
    area = (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1) + (targets[..., 2:] - targets[..., :2]).prod(-1)
    return overlap, area - overlap
