"""What looks wrong in a label that can be read, by type of task."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import numpy as np

from aurora_mm.structures import IGNORED
from aurora_mm.task_types import ByTaskType

Finding = tuple[str, str]
LABEL_CHECKS: ByTaskType[Callable[[dict[str, Any]], Iterator[Finding]]] = ByTaskType('label check')
"""For each type, what is found in ``results`` of LoadTaskAnnotations, in original coordinates; a type may have none."""

_SMALLEST = 3  # pixels
_FEWEST = 5  # pixels of a class


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
    counts = np.bincount(mask[mask != IGNORED])
    yield from _tiny_classes(dict(enumerate(counts[1:].tolist(), 1)), results['seg_map_path'])


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
    inside = masks == 1
    for first, second in combinations(np.flatnonzero(inside.any(axis=(1, 2))).tolist(), 2):
        if np.array_equal(inside[first], inside[second]):
            yield 'classes that coincide', f'classes {first} and {second} have one mask, {paths}'
    yield from _tiny_classes(dict(enumerate(inside.sum(axis=(1, 2)).tolist())), paths)


@LABEL_CHECKS.register('detection')
@LABEL_CHECKS.register('multi_object_detection')
def _box(results: dict[str, Any]) -> Iterator[Finding]:
    boxes = np.asarray(results['gt_bboxes'], float).reshape(-1, 4)
    if len(np.unique(boxes, axis=0)) < len(boxes):
        yield 'boxes that coincide', f'two of the {len(boxes)} boxes are one'
    height, width = results['ori_shape']
    for box in boxes:
        if np.array_equal(box, (0, 0, width, height)):
            yield 'box of the whole image', f'the box is the image, {width} x {height} pixels'
        if min(box[2:] - box[:2]) < _SMALLEST:
            text = ', '.join(f'{side:g}' for side in box)
            yield 'tiny box', f'the box {text} is less than {_SMALLEST} pixels wide or high'


@LABEL_CHECKS.register('landmark')
def _points(results: dict[str, Any]) -> Iterator[Finding]:
    points = np.asarray(results['gt_landmarks'], float).reshape(-1, 2)
    for axis, first, second in results['point_order']:
        if points[first, axis] > points[second, axis]:
            text = (
                f'points {first + 1} and {second + 1}, {points[first].tolist()} and {points[second].tolist()}, are not '
                f'in the order of {"xy"[axis]} that the task says'
            )
            yield 'points in another order', text
    points = points[~np.isnan(points).any(axis=1)]
    if (points == 0).all(axis=1).any():
        yield 'point at 0, 0', 'a point is [0, 0], as a missing point is often written: null is a point without label'
    if len(np.unique(points, axis=0)) < len(points):
        yield 'points that coincide', f'two of the points are one: {points.tolist()}'


def _tiny_classes(pixels: dict[int, int], path: str) -> Iterator[Finding]:
    """Find classes that a mask has in a few pixels alone, by the number of pixels of each class."""
    for label, count in pixels.items():
        if 0 < count < _FEWEST:
            yield 'tiny mask', f'class {label} has {count} pixels in the mask {path}'
