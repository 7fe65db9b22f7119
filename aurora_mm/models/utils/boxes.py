"""Overlap of boxes and non-maximum suppression in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor


def aligned_iou(boxes: Tensor, targets: Tensor, eps: float = 1e-7) -> Tensor:
    """Compute the intersection over union of boxes with targets.

    Args:
        boxes: ``(..., 4)`` xyxy, in any unit.
        targets: ``(..., 4)`` xyxy in the same unit. The shapes may broadcast: ``boxes[:, None]`` is compared with all
            of ``targets``.
        eps: Value added to the union, so that boxes without an area have an IoU of 0.

    Returns:
        IoU, ``(...)`` in [0, 1].
    """
    overlap, union = overlap_and_union(boxes, targets)
    return overlap / (union + eps)


def aligned_giou(boxes: Tensor, targets: Tensor, eps: float = 1e-7) -> Tensor:
    """Compute the generalised intersection over union (https://arxiv.org/abs/1902.09630).

    It is the IoU minus the fraction of the smallest enclosing box that neither box covers, so it keeps falling as boxes
    move apart.

    Args:
        boxes: See :func:`aligned_iou`.
        targets: See :func:`aligned_iou`.
        eps: See :func:`aligned_iou`.

    Returns:
        GIoU, ``(...)`` in (-1, 1].
    """
    overlap, union = overlap_and_union(boxes, targets)
    around = _area(torch.minimum(boxes[..., :2], targets[..., :2]), torch.maximum(boxes[..., 2:], targets[..., 2:]))
    return overlap / (union + eps) - (around - union) / (around + eps)


def batched_nms(boxes: Tensor, scores: Tensor, labels: Tensor, iou_threshold: float) -> Tensor:
    """Perform greedy non-maximum suppression within each class.

    It keeps the same boxes as ``mmcv.ops.batched_nms``, without mmcv's compiled operators.

    Args:
        boxes: ``(N, 4)`` xyxy, in any unit.
        scores: ``(N,)``.
        labels: Class indices ``(N,)``; boxes of different classes do not suppress each other.
        iou_threshold: A box is dropped if its IoU with a kept box of its class and a higher score is larger.

    Returns:
        Indices of the kept boxes, ``(M,)`` int64, by falling score.
    """
    order = scores.argsort(descending=True, stable=True)
    # Each coordinate by itself, as (N, N) matrices whose rows are contiguous: 3 times faster for 300 boxes on a CPU.
    (x1, y1, x2, y2), labels = boxes[order].T.contiguous(), labels[order]
    widths = (torch.minimum(x2[:, None], x2) - torch.maximum(x1[:, None], x1)).clamp(min=0)
    heights = (torch.minimum(y2[:, None], y2) - torch.maximum(y1[:, None], y1)).clamp(min=0)
    overlap, area = widths * heights, (x2 - x1).clamp(min=0) * (y2 - y1).clamp(min=0)
    union = area[:, None] + area - overlap
    suppresses = ((overlap > iou_threshold * union) & (labels[:, None] == labels)).triu(1).float()  # (better, worse)
    # Box t is decided once all boxes with a higher score are: after at most t rounds. The loop ends when nothing
    # changes.
    kept = suppresses.new_ones(len(labels))
    while True:
        now_kept = (kept @ suppresses == 0).float()
        if torch.equal(kept, now_kept):
            return order[kept.bool()]
        kept = now_kept


def overlap_and_union(boxes: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the areas ``(...)`` of intersection and union of boxes ``(..., 4)`` xyxy, whose shapes may broadcast."""
    low = torch.maximum(boxes[..., :2], targets[..., :2])
    high = torch.minimum(boxes[..., 2:], targets[..., 2:])
    overlap = _area(low, high)
    return overlap, _area(boxes[..., :2], boxes[..., 2:]) + _area(targets[..., :2], targets[..., 2:]) - overlap


def _area(low: Tensor, high: Tensor) -> Tensor:
    sides = (high - low).clamp(min=0)
    return sides[..., 0] * sides[..., 1]  # the gradient of `prod` reads a number back to the host
