"""Boxes, masks and keypoints of COCO annotations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from aurora_mm.datasets.coco_file import CocoFile, CocoObject
from aurora_mm.run_lengths import decode_counts, mask_of_polygons, mask_of_runs


def box_of(file: CocoFile, item: CocoObject) -> tuple[list[float], bool]:
    """Read the box of an annotation. Its field ``area`` is not used.

    Args:
        file: File of the annotation.
        item: The annotation.

    Returns:
        The box, xyxy in pixels, clipped to the image; and whether clipping changed it.

    Raises:
        DataError: If there is no box, it is empty, or it lies outside the image. Also if it exceeds the image by more
            than a pixel and all boxes of the file would be valid as xyxy, so that the file seems to be wrong.
    """
    numbers = file.numbers(item.entry, 'bbox', item.fields.get('bbox'))
    if len(numbers) != 4:
        raise file.error(item.entry, f'bbox {numbers} does not read [x, y, width, height]')
    x, y, width, height = numbers
    if width <= 0 or height <= 0:
        raise file.error(item.entry, f'bbox {numbers} is empty: its width or height is not above 0')
    # Rounded, since 8.1 + 16.3 is 24.400000000000002.
    box = np.round([x, y, x + width, y + height], 6)
    limit = [item.image.width, item.image.height] * 2
    cut = np.clip(box, 0, limit)
    if cut[2] <= cut[0] or cut[3] <= cut[1]:
        raise file.error(
            item.entry,
            f'bbox {numbers} lies outside of image {item.image.file_name!r}, '
            f'{item.image.width} x {item.image.height} pixels',
        )
    if abs(cut - box).max() > 1 and file.may_hold_corners:
        raise file.error(
            item.entry,
            f'bbox {numbers} hangs over the edge of image {item.image.file_name!r}, {item.image.width} x '
            f'{item.image.height} pixels, and all boxes of the file would fit as [x1, y1, x2, y2]; COCO has '
            '[x, y, width, height]',
        )
    return cut.tolist(), bool((cut != box).any())


def region_of(file: CocoFile, item: CocoObject) -> np.ndarray:
    """Read the mask of an annotation, from polygons or from a run-length encoding (RLE).

    Args:
        file: File of the annotation.
        item: The annotation.

    Returns:
        (H, W) bool, true for the pixels of the object.

    Raises:
        DataError: If there is no segmentation, it is malformed, it does not have the size of the image, or it is empty.
    """
    shape = item.image.height, item.image.width
    stored = item.fields.get('segmentation')
    if isinstance(stored, dict):
        region = _decode_run_lengths(file, item, stored, shape)
    elif isinstance(stored, list) and stored:
        region = _fill_polygons(file, item, stored, shape)
    else:
        raise file.error(item.entry, f'image {item.image.file_name!r}: there is no segmentation')
    if not region.any():
        raise file.error(item.entry, f'segmentation of {item.category!r} covers no pixel of {item.image.file_name!r}')
    return region


def points_of(file: CocoFile, item: CocoObject, names: Sequence[str]) -> list[list[float] | None]:
    """Read the keypoints of an annotation.

    Args:
        file: File of the annotation. Its category lists the names of the keypoints in the order of the file.
        item: The annotation.
        names: Names of the keypoints, in the order in which they are returned.

    Returns:
        K points [x, y] in pixels; None for a keypoint of visibility 0, which is not labelled.

    Raises:
        DataError: If the number of values does not fit the category, or a visibility is none of 0, 1 and 2.
    """
    listed = file.categories[item.category].keypoints
    numbers = file.numbers(item.entry, 'keypoints', item.fields.get('keypoints'))
    if len(numbers) != 3 * len(listed):
        raise file.error(
            item.entry, f'image {item.image.file_name!r}: keypoints are {len(numbers)} numbers, not 3 x {len(listed)}'
        )
    points = {name: numbers[3 * i : 3 * i + 3] for i, name in enumerate(listed)}
    for name, (_, _, visibility) in points.items():
        if visibility not in (0, 1, 2):
            raise file.error(item.entry, f'keypoint {name!r} has visibility {visibility:g}, none of 0, 1, 2')
    return [points[name][:2] if points[name][2] else None for name in names]


def _fill_polygons(file: CocoFile, item: CocoObject, polygons: list[Any], shape: tuple[int, int]) -> np.ndarray:
    height, width = shape
    limits = np.array([[-width, -height], [2 * width, 2 * height]])
    for polygon in polygons:
        numbers = file.numbers(item.entry, 'segmentation', polygon)
        if len(numbers) < 6 or len(numbers) % 2:
            raise file.error(
                item.entry, f'segmentation has a polygon of {len(numbers)} numbers: 3 points are the least'
            )
        corners = np.reshape(numbers, (-1, 2))
        if (corners < limits[0]).any() or (corners > limits[1]).any():
            raise file.error(
                item.entry, f'segmentation lies far outside of {item.image.file_name!r}, {width} x {height} pixels'
            )
    return mask_of_polygons(polygons, shape)


def _decode_run_lengths(file: CocoFile, item: CocoObject, stored: dict[str, Any], shape: tuple[int, int]) -> np.ndarray:
    """Decode RLE, which counts pixels down the columns, zeros first. pycocotools itself does not check its input."""
    size = file.numbers(item.entry, 'segmentation.size', stored.get('size'))
    if size != list(shape):
        raise file.error(
            item.entry,
            f'segmentation is of (height, width) {tuple(map(int, size))}, image {item.image.file_name!r} is listed '
            f'with {shape}',
        )
    counts = stored.get('counts')
    lengths = decode_counts(counts) if isinstance(counts, str) else counts
    if lengths is None:
        raise file.error(item.entry, 'segmentation.counts is no text of compressed run lengths')
    lengths = file.numbers(item.entry, 'segmentation.counts', lengths)
    if any(length < 0 or length != int(length) for length in lengths) or sum(lengths) != shape[0] * shape[1]:
        raise file.error(
            item.entry,
            f'run lengths of the segmentation sum to {sum(lengths):.10g}, but image {item.image.file_name!r} has '
            f'{shape[0] * shape[1]} pixels',
        )
    return mask_of_runs([int(length) for length in lengths], shape)
