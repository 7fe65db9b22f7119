"""What looks wrong in a label that can be read, by type of task."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from aurora_mm.structures import IGNORED
from aurora_mm.task_types import ByTaskType

Finding = tuple[str, str]
LABEL_CHECKS: ByTaskType[Callable[[dict[str, Any]], Iterator[Finding]]] = ByTaskType('label check')
"""For each type, what is found in ``results`` of LoadTaskAnnotations, in original coordinates; a type may have none."""

_SMALLEST = 3  # pixels


def look_at_label(task_type: str, results: dict[str, Any]) -> list[Finding]:
    """The kind of each finding, and what it is."""
    check = LABEL_CHECKS.get(task_type)
    return list(check(results)) if check is not None else []


@LABEL_CHECKS.register('segmentation')
def _mask(results: dict[str, Any]) -> Iterator[Finding]:
    mask = results['gt_seg_map']
    if not mask.any():
        yield 'empty mask', f'the mask {results["seg_map_path"]} has no pixel of any class'
    elif (mask > 0).all():
        yield 'full mask', f'the mask {results["seg_map_path"]} has no pixel of the background'


@LABEL_CHECKS.register('multi_label_segmentation')
def _class_masks(results: dict[str, Any]) -> Iterator[Finding]:
    masks = results['gt_class_masks']
    labelled = masks[masks[:, 0, 0] != IGNORED]
    paths = ', '.join(path for path in results['class_mask_paths'] if path)
    if not labelled.any():
        yield 'empty mask', f'the mask {paths} has no pixel of any class'
    for mask in labelled:
        if mask.all():
            yield 'full mask', f'a class of the mask {paths} has every pixel'


@LABEL_CHECKS.register('detection')
@LABEL_CHECKS.register('multi_object_detection')
def _box(results: dict[str, Any]) -> Iterator[Finding]:
    boxes = np.asarray(results['gt_bboxes'], float).reshape(-1, 4)
    if len(np.unique(boxes, axis=0)) < len(boxes):
        yield 'boxes that coincide', f'two of the {len(boxes)} boxes are one'
    for box in boxes:
        if min(box[2:] - box[:2]) < _SMALLEST:
            text = ', '.join(f'{side:g}' for side in box)
            yield 'tiny box', f'the box {text} is less than {_SMALLEST} pixels wide or high'


@LABEL_CHECKS.register('landmark')
def _points(results: dict[str, Any]) -> Iterator[Finding]:
    points = np.asarray(results['gt_landmarks'], float).reshape(-1, 2)
    points = points[~np.isnan(points).any(axis=1)]
    if len(np.unique(points, axis=0)) < len(points):
        yield 'points that coincide', f'two of the points are one: {points.tolist()}'
