"""Affine maps, and what they do to boxes and points; :mod:`aurora_mm.datasets.pixel_warping` warps pixels.

Coordinates are continuous pixels: x = 0 is the left edge of the leftmost pixel, pixel i covers [i, i + 1), and a
normalised coordinate is ``x / width``. A matrix is (3, 3) float64 and maps a column (x, y, 1) of the source to the
target. ``size`` and ``shape`` are (height, width) in pixels.

Legend: K points, N boxes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aurora_mm.errors import ConfigError

FIT_MODES = ('squash', 'letterbox')
SIZE_MULTIPLE = 32  # of the sides of the network input: patches of 16 pixels, of which the encoder merges 2 x 2
Shape = tuple[int, int]


def fit_matrix(ori_shape: Shape, size: Shape, mode: str = 'squash') -> np.ndarray:
    """Return the matrix that scales an image to a target size.

    Args:
        ori_shape: (height, width) of the image.
        size: (height, width) of the target.
        mode: ``'squash'`` scales height and width separately and fills the target. ``'letterbox'`` keeps the aspect
            ratio and centres the image.

    Returns:
        (3, 3) matrix from image to target.

    Raises:
        ConfigError: If ``mode`` is unknown.
    """
    if mode not in FIT_MODES:
        raise ConfigError(f'mode {mode!r} is none of {", ".join(FIT_MODES)}')
    (height, width), (new_height, new_width) = ori_shape, size
    scale_x, scale_y = new_width / width, new_height / height
    if mode == 'letterbox':
        scale_x = scale_y = min(scale_x, scale_y)
    return np.array(
        [
            [scale_x, 0.0, (new_width - scale_x * width) / 2],
            [0.0, scale_y, (new_height - scale_y * height) / 2],
            [0.0, 0.0, 1.0],
        ]
    )


def flip_matrix(size: Shape) -> np.ndarray:
    """Return the (3, 3) matrix of a horizontal flip of an image of ``size``, (height, width)."""
    return np.array([[-1.0, 0.0, size[1]], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])


def rotate_scale_translate_matrix(
    size: Shape, degrees: float, scale: float, shift: Sequence[float] | NDArray[np.float64], stretch: float = 1.0
) -> np.ndarray:
    """Return the matrix that rotates and scales an image about its centre and then shifts it.

    Args:
        size: (height, width) of the image.
        degrees: Rotation angle in degrees, clockwise as displayed.
        scale: Scale factor; above 1 enlarges.
        shift: Shift (x, y) in pixels.
        stretch: By how much more the image was enlarged along x than along y. It is rotated as it was before.

    Returns:
        (3, 3) matrix.
    """
    angle = np.deg2rad(degrees)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    centre_x, centre_y = size[1] / 2, size[0] / 2
    about_origin = np.array([[cos, -sin * stretch, 0.0], [sin / stretch, cos, 0.0], [0.0, 0.0, 1.0]])
    return translation(centre_x + shift[0], centre_y + shift[1]) @ about_origin @ translation(-centre_x, -centre_y)


def translation(x: float, y: float) -> np.ndarray:
    """Return the (3, 3) matrix of a shift by (x, y) pixels."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def warp_points(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Map points from source to target, without clipping.

    Args:
        points: (K, 2) x, y in pixels of the source.
        matrix: (3, 3), from source to target.

    Returns:
        (K, 2) x, y in pixels of the target, of the same type as ``points``.
    """
    return (points @ matrix[:2, :2].T + matrix[:2, 2]).astype(points.dtype)


def warp_boxes(boxes: np.ndarray, matrix: np.ndarray, size: Shape) -> np.ndarray:
    """Map boxes from source to target as :func:`map_boxes`, and clip them to the target.

    Args:
        boxes: (N, 4) xyxy in pixels of the source.
        matrix: (3, 3), from source to target.
        size: (height, width) of the target.

    Returns:
        (N, 4) xyxy in pixels of the target.
    """
    height, width = size
    limit = np.array([width, height, width, height], boxes.dtype)
    return np.clip(map_boxes(boxes, matrix), 0, limit)


def map_boxes(boxes: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Map boxes from source to target as the boxes around their ellipses, without clipping.

    A box that is flipped, scaled or shifted stays a box. One that is rotated has to become larger to hold its corners,
    but what it surrounded seldom reaches into the corners, so that boxes around them are too large, and a detector
    learns that. Here a box stands for the ellipse that it touches, and becomes the box that touches the mapped ellipse
    (https://arxiv.org/abs/2109.13488).

    Args:
        boxes: (N, 4) xyxy in pixels of the source.
        matrix: (3, 3), from source to target.

    Returns:
        (N, 4) xyxy in pixels of the target, of the same type as ``boxes``.
    """
    exact = boxes.astype(np.float64)
    centres = warp_points((exact[:, :2] + exact[:, 2:]) / 2, matrix)
    half_axes = (exact[:, 2:] - exact[:, :2]) / 2
    reach = np.sqrt(half_axes**2 @ (matrix[:2, :2] ** 2).T)
    return np.concatenate([centres - reach, centres + reach], axis=1).astype(boxes.dtype)
