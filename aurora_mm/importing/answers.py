"""The label of a row, read when the row is written, and moved when the image is cropped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aurora_mm.errors import ConfigError
from aurora_mm.importing.mask_colours import MaskValue
from aurora_mm.importing.masks import class_indices, union_of
from aurora_mm.structures import points_array


def of_label(label: int) -> dict[str, Any]:
    """A class."""
    return dict(gt_label=label)


def of_mask(file: Path, values: Sequence[MaskValue] | None, count: int, frame: int = 0) -> dict[str, Any]:
    """A mask file, see :func:`aurora_mm.importing.masks.class_indices`."""
    return dict(mask=class_indices(file, values, count, frame))


def of_union(files: Sequence[Path]) -> dict[str, Any]:
    """The mask of all that any of several files marks."""
    return dict(mask=union_of(files))


_WITHOUT_PLACE = ('gt_label', 'gt_labels', 'value', 'bboxes_labels')
_WITH_PLACE = ('mask', 'class_masks', 'bbox', 'bboxes', 'points')


def has_place(answer: dict[str, Any]) -> bool:
    """Return whether a label lies at some place in its image: a mask, boxes or points."""
    return any(key in answer for key in _WITH_PLACE)


def extent_of(answer: dict[str, Any]) -> tuple[float, float, float, float] | None:
    """Return the box around a label.

    Args:
        answer: See :class:`aurora_mm.importing.found.FoundRow`.

    Returns:
        xyxy in pixels; None if the label has no place in the image, such as a class or an empty mask.

    Raises:
        ConfigError: If the label is of a kind whose place is not known.
    """
    _check_kinds(answer)
    if 'mask' in answer or 'class_masks' in answer:
        pixels = answer['mask'] if 'mask' in answer else (answer['class_masks'] == 1).any(axis=0)
        columns, rows = (np.flatnonzero(pixels.any(axis=axis)) for axis in (0, 1))
        return (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1) if columns.size else None
    if 'points' in answer:
        points = points_array(answer['points'])
    else:
        boxes = [answer['bbox']] if 'bbox' in answer else answer.get('bboxes', ())
        points = np.asarray(boxes, np.float64).reshape(-1, 2)
    return (*np.nanmin(points, axis=0), *np.nanmax(points, axis=0)) if len(points) else None


def shifted(answer: dict[str, Any], crop: tuple[int, int, int, int]) -> dict[str, Any]:
    """Return a label in coordinates of a crop of the image.

    Args:
        answer: See :class:`aurora_mm.importing.found.FoundRow`.
        crop: xyxy in pixels of the image. Boxes and points must lie within it.

    Raises:
        ConfigError: If the label is of a kind whose place is not known.
    """
    _check_kinds(answer)
    x1, y1, x2, y2 = crop
    moved = dict(answer)
    for key in ('mask', 'class_masks'):
        if key in answer:
            moved[key] = np.ascontiguousarray(answer[key][..., y1:y2, x1:x2])
    for key in ('bbox', 'bboxes'):
        if key in answer:
            places = np.asarray(answer[key], np.float64)
            moved[key] = (places.reshape(-1, 2) - (x1, y1)).reshape(places.shape).tolist()
    if 'points' in answer:
        moved['points'] = [None if point is None else [point[0] - x1, point[1] - y1] for point in answer['points']]
    return moved


def _check_kinds(answer: dict[str, Any]) -> None:
    unknown = [key for key in answer if key not in (*_WITHOUT_PLACE, *_WITH_PLACE)]
    if unknown:
        raise ConfigError(f'images with labels of the kind {unknown[0]!r} cannot be cropped')
