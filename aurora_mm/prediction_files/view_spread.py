"""How far the views or models that a prediction is the mean of differ in a measurement."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from aurora_mm.measurements import Measured, Measurement, Structure, structure_of
from aurora_mm.models.utils.original_coordinates import class_masks_from_views, mask_from_views
from aurora_mm.structures import TaskDataSample


def measure(measurements: Sequence[Measurement], sample: TaskDataSample) -> list[Measured]:
    """Take measurements of a prediction, with the least and the largest value over its views.

    Args:
        measurements: Of the sample's task.
        sample: A prediction; merged ones keep the masks, boxes and points of their views.
    """
    if not measurements:
        return []
    structure = structure_of(sample)
    views = list(_views(sample, structure))
    taken = [measurement(structure) for measurement in measurements]
    if len(views) < 2:
        return taken
    found = []
    for measurement, one in zip(measurements, taken, strict=True):
        values = [measurement(view).value for view in views]
        is_whole = all(map(math.isfinite, values))
        found.append(replace(one, spread=(min(values), max(values)) if is_whole else None, views=len(views)))
    return found


def _views(sample: TaskDataSample, structure: Structure) -> Iterator[Structure]:
    """What each view alone would have found."""
    if 'pred_sem_seg' in sample:
        for view in sample.get('mask_views', ()):
            yield replace(structure, mask=mask_from_views([view], sample.ori_shape)[0].cpu().numpy())
    if 'pred_class_masks' in sample:
        for view in sample.get('mask_views', ()):
            yield replace(structure, class_masks=class_masks_from_views([view], sample.ori_shape).cpu().numpy())
    if 'box_views' in sample:
        found = sample.box_views.cpu()
        for number in range(found.num_views):
            order = found.scores.argsort(descending=True, stable=True)
            rows = order[found.views[order] == number]
            yield replace(structure, boxes=found.bboxes[rows].numpy(), box_labels=found.labels[rows].numpy())
    if 'landmark_views' in sample:
        for points in sample.landmark_views.cpu().numpy():
            yield replace(structure, points=points)
