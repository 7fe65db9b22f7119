"""Boxes of several views of an image as one set."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.structures import InstanceData
from torch import Tensor

from aurora_mm.models.utils.boxes import aligned_iou


def fuse_boxes(views: Sequence[InstanceData], iou_threshold: float = 0.5) -> InstanceData:
    """Weighted boxes fusion (Solovyev et al., Image and Vision Computing 2021).

    Boxes of one label that overlap are one finding, seen by several views: its box is their mean weighted by their
    scores, its score their sum divided by the number of views, so that what one view alone saw counts less. A view has
    one box in a finding: what it told apart stays apart, and no finding grows by being found twice in one view.

    Args:
        views: ``bboxes`` (N, 4) xyxy in the same coordinates, ``scores`` (N,) in [0, 1],
            ``labels`` (N,) each; one or more.
        iou_threshold: A box joins the finding of its label, not yet seen by its view, that it overlaps most, if by more
            than this.

    Returns:
        The findings in the same fields and on the same device, by falling score.
    """
    boxes, scores, labels = (torch.cat([view[key] for view in views]) for key in ('bboxes', 'scores', 'labels'))
    device = boxes.device
    boxes, scores, labels = boxes.cpu(), scores.cpu(), labels.cpu()  # one small step at a time, each decided on
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
    """(4,): the mean of (N, 4) boxes by (N,) weights; the plain mean where all weights are 0."""
    weights = scores if scores.sum() > 0 else torch.ones_like(scores)
    return (boxes * weights[:, None]).sum(0) / weights.sum()
