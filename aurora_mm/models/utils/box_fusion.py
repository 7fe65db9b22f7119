"""Fusion of the boxes of several views of an image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.structures import InstanceData
from torch import Tensor

from aurora_mm.models.utils.boxes import aligned_iou


def fuse_boxes(views: Sequence[InstanceData], iou_threshold: float = 0.5) -> InstanceData:
    """Merge boxes by weighted boxes fusion (Solovyev et al., Image and Vision Computing 2021).

    Overlapping boxes of one label form a group. Its box is their mean weighted by their scores, and its score is the
    sum of their scores divided by the number of views, so that a box found in few views gets a low score. A group holds
    at most one box of each view: boxes that a view separates stay separate.

    Args:
        views: Predictions of each view, at least one: ``bboxes`` (N, 4) xyxy in the same coordinates, ``scores`` (N,)
            in [0, 1] and ``labels`` (N,).
        iou_threshold: A box joins the group of its label, without a box of its view, with which it has the largest IoU,
            if that is larger than this.

    Returns:
        The fused boxes in the same fields and on the same device, by falling score.
    """
    boxes, scores, labels = (torch.cat([view[key] for view in views]) for key in ('bboxes', 'scores', 'labels'))
    device = boxes.device
    boxes, scores, labels = boxes.cpu(), scores.cpu(), labels.cpu()  # many small steps are faster on the CPU
    view_of = [i for i, view in enumerate(views) for _ in range(len(view.bboxes))]
    members: list[list[int]] = []
    fused = boxes.new_zeros(len(boxes), 4)
    fused_labels = torch.full_like(labels, -1)
    seen = torch.zeros(len(boxes), len(views), dtype=torch.bool)  # findings by views
    for i in scores.argsort(descending=True, stable=True).tolist():
        overlaps = aligned_iou(fused, boxes[i]) * ((fused_labels == labels[i]) & ~seen[:, view_of[i]])
        best = int(overlaps.argmax())
        if overlaps[best] > iou_threshold:
            members[best].append(i)
        else:
            best = len(members)
            members.append([i])
            fused_labels[best] = labels[i]
        seen[best, view_of[i]] = True
        fused[best] = _mean_box(boxes[members[best]], scores[members[best]])
    totals = torch.stack([scores[rows].sum() for rows in members]) if members else scores
    order = totals.argsort(descending=True, stable=True)
    return InstanceData(
        bboxes=fused[order].to(device),
        scores=(totals[order] / len(views)).to(device),
        labels=fused_labels[order].to(device),
    )


def _mean_box(boxes: Tensor, scores: Tensor) -> Tensor:
    """Return the weighted mean of boxes (N, 4) as (4,); the plain mean if all scores (N,) are 0."""
    weights = scores if scores.sum() > 0 else torch.ones_like(scores)
    return (boxes * weights[:, None]).sum(0) / weights.sum()
