"""Checks of annotations in a pipeline, as transforms of other packages may leave them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def frame_of(row: Mapping[str, Any]) -> tuple[int, int]:
    """Return the (height, width) in which the annotation of a row has its coordinates."""
    height, width = row['ori_shape' if row['gt_coordinates'] == 'original' else 'img_shape'][:2]
    return height, width


def classes_fault(key: str, classes: Any, row: Mapping[str, Any], ignored: int | None = None) -> str | None:
    """Say why class indices cannot be right, or None if they can.

    Args:
        key: Key of the indices in the row.
        classes: A number, or an array of any shape.
        row: Contains ``num_outputs``, the number of classes.
        ignored: A value that is allowed too.
    """
    found = np.asarray(classes)
    if found.size and found.dtype.kind not in 'iu':
        return f'{key} holds {found.dtype} and not whole numbers'
    wrong = found[(found < 0) | (found >= row['num_outputs'])]
    wrong = wrong if ignored is None else wrong[wrong != ignored]
    return f'{key} holds {wrong.flat[0]}; the classes are 0..{row["num_outputs"] - 1}' if wrong.size else None


def points_fault(key: str, points: Any, shape: tuple[int, ...], row: Mapping[str, Any]) -> str | None:
    """Say why points, or corners of boxes, cannot be right, or None if they can.

    Args:
        key: Key of the points in the row.
        points: Coordinates x, y, or x, y, x, y. Those that are nan are not checked.
        shape: The shape that they must have; -1 for any number.
        row: Says by ``gt_coordinates`` in which frame they are.
    """
    found = np.asarray(points)
    if found.ndim != len(shape) or any(-1 != side != own for side, own in zip(shape, found.shape, strict=True)):
        return f'{key} has the shape {found.shape}, and must have {shape}'
    if found.dtype.kind not in 'fiu':
        return f'{key} holds {found.dtype} and not numbers'
    height, width = frame_of(row)
    pairs = found.reshape(-1, 2)
    outside = pairs[(pairs < -1).any(1) | (pairs > (width + 1, height + 1)).any(1)]
    return f'{key} holds {outside[0].tolist()}, outside of {width} x {height} pixels' if len(outside) else None


def mask_fault(key: str, mask: Any, row: Mapping[str, Any]) -> str | None:
    """Say why masks, whose last two axes are height and width, do not lie on their image, or None if they do."""
    shape = np.shape(mask)[-2:]
    return None if shape == frame_of(row) else f'{key} has the size {shape}, and its image {frame_of(row)}'
