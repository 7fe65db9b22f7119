"""Affine warping of images and masks, in the coordinates of :mod:`aurora_mm.datasets.geometry`.

Legend: H x W pixels of the source, h x w pixels of the target.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from aurora_mm.datasets.geometry import Shape, fit_matrix, translation
from aurora_mm.images.shared_channels import for_channels


def warp_image(
    img: np.ndarray,
    matrix: np.ndarray,
    size: Shape,
    fill: int = 0,
    ori_shape: Shape | None = None,
    reduction: int = 1,
) -> np.ndarray:
    """Warp an image with linear interpolation. An image that shrinks is first averaged, so that speckle does not alias.

    Args:
        img: (H, W) or (H, W, C) uint8.
        matrix: (3, 3), from source to target.
        size: (height, width) of the target.
        fill: Value of target pixels whose centre lies outside the source. Edge pixels are not blended with it.
        ori_shape: (height, width) of the source, if ``img`` is a reduced copy of it.
        reduction: Pixels of the source along a side of each pixel of ``img``. The last row and column of ``img`` may
            reach beyond the source.

    Returns:
        (h, w) or (h, w, C) uint8. Channels share memory if those of ``img`` do.
    """
    shape = (img.shape[0], img.shape[1]) if ori_shape is None else (ori_shape[0], ori_shape[1])
    return for_channels(lambda channels: _warp_image(channels, matrix, size, fill, shape, reduction), img)


def _warp_image(
    img: np.ndarray, matrix: np.ndarray, size: Shape, fill: int, shape: Shape, reduction: int
) -> np.ndarray:
    height, width = size
    rotated = bool(matrix[0, 1] or matrix[1, 0])
    whole = tuple(side * reduction for side in img.shape[:2]) == shape  # and not beyond the source
    if not rotated and whole and np.allclose(matrix, fit_matrix(shape, size, 'squash'), rtol=0, atol=1e-9):
        # cv2 averages areas only if no axis grows, so shrinking and growing are two steps.
        img = _shrink(img, (min(img.shape[0], height), min(img.shape[1], width)))
        return img if img.shape[:2] == (height, width) else cv2.resize(img, (width, height))
    from_img = matrix @ np.diag([reduction, reduction, 1.0])
    shrink = _shrink_rotated if rotated else _shrink_upright
    small = shrink(img, from_img)
    affine = _pixel_centred(from_img @ small.to_source)
    out = cv2.warpAffine(small.img, affine, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    outside = _outside(matrix, size, shape)
    if outside is not None:
        np.copyto(out, np.uint8(fill), where=outside if out.ndim == 2 else outside[..., None])
    return out


def warp_mask(mask: np.ndarray, matrix: np.ndarray, size: Shape) -> np.ndarray:
    """Warp a mask of class indices with nearest-neighbour interpolation.

    If the centre of a target pixel is halfway between two source pixels, as it is for all pixels when an image is
    reduced by an even factor, the lower and the higher index are taken alternately. On average the mask is then not
    shifted against the image and the boxes, its area does not change, and a flipped mask is the mirror image of the
    unflipped mask.

    Args:
        mask: (H, W) uint8 class indices.
        matrix: (3, 3), from source to target.
        size: (height, width) of the target.

    Returns:
        (h, w) uint8, 0 for pixels whose centre lies outside the source.
    """
    height, width = size
    if matrix[0, 1] or matrix[1, 0]:  # rotated: no ties
        affine = _pixel_centred(matrix)
        return cv2.warpAffine(mask, affine, (width, height), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)
    rows, row_inside = _nearest_sources(height, matrix[1, 1], matrix[1, 2], mask.shape[0])
    columns, column_inside = _nearest_sources(width, matrix[0, 0], matrix[0, 2], mask.shape[1])
    out: np.ndarray = mask[np.ix_(rows, columns)]
    out[~(row_inside[:, None] & column_inside)] = 0
    return out


class _Shrunk(NamedTuple):
    """A shrunk image, and the (3, 3) matrix from its coordinates to those of the image itself."""

    img: np.ndarray
    to_source: np.ndarray


def _shrink_upright(img: np.ndarray, matrix: np.ndarray) -> _Shrunk:
    """Average areas, so that the scale that is left is 1 along each axis that shrinks."""
    height, width = (_shrunk_side(side, scale) for side, scale in zip(img.shape, _scales(matrix)[::-1], strict=False))
    small = _shrink(img, (height, width))
    return _Shrunk(small, fit_matrix((height, width), (img.shape[0], img.shape[1])))


def _shrink_rotated(img: np.ndarray, matrix: np.ndarray) -> _Shrunk:
    """Average blocks of whole pixels, so that the scale that is left is above 1/2, and filter for the rest.

    Averaging areas of any size would take several times as long, and interpolation would blur its result once more.
    """
    scales = _scales(matrix)
    factors = np.maximum(1, np.floor(1 / scales + 1e-9)).astype(int)
    left = np.minimum(1, scales * factors)
    small = _mean_of_blocks(img, *factors.tolist())
    # From no filter at scale 1 to one at 1/2 with which a pattern of single pixels is reduced to a sixtieth.
    sigma_x, sigma_y = np.sqrt((1 / left**2 - 1) / 4).clip(1e-3).tolist()
    if max(sigma_x, sigma_y) > 0.3:  # at less, each neighbour weighs less than a two-hundredth
        small = cv2.GaussianBlur(small, (5, 5), sigma_x, sigmaY=sigma_y, borderType=cv2.BORDER_REPLICATE)
    return _Shrunk(small, np.diag([*factors.tolist(), 1.0]))


def _scales(matrix: np.ndarray) -> np.ndarray:
    """Return the scales (x, y) along the axes of the source."""
    return np.hypot(matrix[0, :2], matrix[1, :2])


def _mean_of_blocks(img: np.ndarray, across: int, down: int) -> np.ndarray:
    """Average blocks of ``down`` x ``across`` pixels. Edge pixels are repeated to fill the last blocks."""
    height, width = img.shape[:2]
    below, beside = -height % down, -width % across
    if below or beside:
        img = cv2.copyMakeBorder(img, 0, below, 0, beside, cv2.BORDER_REPLICATE)
    return _shrink(img, ((height + below) // down, (width + beside) // across))


def _shrunk_side(length: int, scale: float) -> int:
    return max(1, round(length * min(1.0, float(scale))))


def _shrink(img: np.ndarray, shape: Shape) -> np.ndarray:
    if img.shape[:2] == shape:
        return img
    return cv2.resize(img, (shape[1], shape[0]), interpolation=cv2.INTER_AREA)


def _outside(matrix: np.ndarray, size: Shape, source: Shape) -> np.ndarray | None:
    """Return which target pixels have their centre outside the source, (h, w) bool, or None if none has."""
    height, width = size
    inverse = np.linalg.inv(matrix)
    axes = list(zip(inverse[:2].tolist(), source[::-1], strict=True))
    if all(_corners_within(axis, limit, size) for axis, limit in axes):  # and so are all pixels between the corners
        return None
    # In each row, the pixels inside are those between two columns.
    first, last = np.full(height, 0.0), np.full(height, float(width))
    rows = np.arange(height) + 0.5
    for (slope, per_row, shift), limit in axes:
        start = per_row * rows + shift  # of the source coordinate, at x = 0
        if abs(slope) < 1e-12:
            last[(start < 0) | (start >= limit)] = 0
            continue
        at_zero, at_limit = -start / slope, (limit - start) / slope
        low, high = (at_zero, at_limit) if slope > 0 else (at_limit, at_zero)
        np.maximum(first, low, out=first)
        np.minimum(last, high, out=last)
    # A pixel is between two columns if its centre is.
    start_column, end_column = np.ceil(np.stack([first, last]) - 0.5).clip(0, width).astype(np.int16)[..., None]
    columns = np.arange(width, dtype=np.int16)
    return (columns < start_column) | (columns >= end_column)


def _corners_within(axis: Sequence[float], limit: int, size: Shape) -> bool:
    """Return whether the centres of a target's four corners have a source coordinate within [0, limit)."""
    slope, per_row, shift = axis
    ends = (slope * x + per_row * y + shift for x in (0.5, size[1] - 0.5) for y in (0.5, size[0] - 0.5))
    return all(0 <= end < limit for end in ends)


def _nearest_sources(length: int, scale: float, shift: float, source_length: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the source index of each target pixel along an axis, clipped, and whether it is inside the source."""
    centres = (np.arange(length) + 0.5 - shift) / scale
    border = np.rint(centres)
    # Which pixel is taken depends on the border between two source pixels, so that a flip gives the mirror image.
    # Adding a quarter keeps rounding errors away from whole and half numbers.
    later = np.floor(border * abs(scale) + 0.25).astype(np.int64) % 2 == 0
    tied = np.abs(centres - border) < 1e-6
    indices = np.where(tied, border - 1 + later, np.floor(centres)).astype(np.int64)
    return indices.clip(0, source_length - 1), (indices >= 0) & (indices < source_length)


def _pixel_centred(matrix: np.ndarray) -> np.ndarray:
    """Return the (2, 3) matrix in cv2's coordinates, where 0 is the centre of the first pixel."""
    return (translation(-0.5, -0.5) @ matrix @ translation(0.5, 0.5))[:2]
