"""Overlap of boxes, for losses."""

from __future__ import annotations

import torch
from torch import Tensor


def aligned_iou(boxes: Tensor, targets: Tensor, eps: float = 1e-7) -> Tensor:
    """(N,): intersection over union of each of (N, 4) xyxy boxes with the target in the same row."""
    low = torch.maximum(boxes[:, :2], targets[:, :2])
    high = torch.minimum(boxes[:, 2:], targets[:, 2:])
    overlap = (high - low).clamp(min=0).prod(1)
    area = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(1) + (targets[:, 2:] - targets[:, :2]).prod(1)
    return overlap / (area - overlap + eps)
