"""Affine geometry of images, masks, boxes and points in one convention.

Coordinates are continuous pixels: x = 0 is the left edge of the leftmost pixel, pixel i covers [i, i + 1), and a
normalised coordinate is ``x / width``. A matrix is (3, 3) float64 and maps (x, y, 1) columns of the source to the
target; ``size`` and ``shape`` are (height, width) in pixels.

Legend: K points, N boxes, H x W source, h x w target.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from aurora_mm.errors import ConfigError

FIT_MODES = ('squash', 'letterbox')
Shape = tuple[int, int]


def fit_matrix(ori_shape: Shape, size: Shape, mode: str = 'squash') -> np.ndarray:
    """The map that fits an image into ``size``.

    Args:
        ori_shape: Of the image.
        size: Of the target.
        mode: ``'squash'`` fills the target, each axis by its own scale; ``'letterbox'`` keeps the aspect and centres.

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
    """Left for right within a image of ``size``."""
    return np.array([[-1.0, 0.0, size[1]], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])


def rotate_scale_translate_matrix(size: Shape, degrees: float, scale: float, shift: Sequence[float]) -> np.ndarray:
    """Rotation and scaling about the centre of a image of ``size``, then a shift.

    Args:
        size: Of the frame.
        degrees: Clockwise as seen on the screen.
        scale: Above 1 enlarges.
        shift: (x, y) in pixels of the frame.
    """
    angle = np.deg2rad(degrees)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    centre_x, centre_y = size[1] / 2, size[0] / 2
    about_origin = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    return translation(centre_x + shift[0], centre_y + shift[1]) @ about_origin @ translation(-centre_x, -centre_y)


def translation(x: float, y: float) -> np.ndarray:
    """The shift by (x, y) pixels."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def warp_image(img: np.ndarray, matrix: np.ndarray, size: Shape, fill: int = 0) -> np.ndarray:
    """Linear warp; what shrinks is averaged over areas first, so that speckle does not alias.

    Args:
        img: (H, W) or (H, W, C) uint8.
        matrix: Source to target.
        size: Of the target.
        fill: Value of the pixels whose centre lies outside the source. Edge pixels are not blended with it.

    Returns:
        (h, w) or (h, w, C) uint8.
    """
    shape = (img.shape[0], img.shape[1])
    height, width = size
    if np.allclose(matrix, fit_matrix(shape, size, 'squash'), rtol=0, atol=1e-9):
        # cv2 averages areas only where no axis grows, so the two directions take turns.
        img = _shrink(img, (min(shape[0], height), min(shape[1], width)))
        return img if img.shape[:2] == (height, width) else cv2.resize(img, (width, height))
    scale_x, scale_y = np.hypot(matrix[0, :2], matrix[1, :2])
    small = _shrink(img, (_shrunk_side(shape[0], scale_y), _shrunk_side(shape[1], scale_x)))
    from_small = matrix @ fit_matrix((small.shape[0], small.shape[1]), shape)
    out = cv2.warpAffine(
        small, _pixel_centred(from_small), (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    out[warp_mask(np.ones(shape, np.uint8), matrix, size) == 0] = fill
    return out


def warp_mask(mask: np.ndarray, matrix: np.ndarray, size: Shape) -> np.ndarray:
    """Nearest-neighbour warp of class indices.

    Where the centre of a target pixel falls midway between two source pixels (at every reduction by an even factor,
    all of them do), columns and rows take the earlier and the later one in turn. On average the mask then stays where
    the image and the boxes are, keeps its area, and a flipped mask is the mirror image of the unflipped one.

    Args:
        mask: (H, W) uint8.
        matrix: Source to target.
        size: Of the target.

    Returns:
        (h, w) uint8, 0 where the centre of the pixel lies outside the source.
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


def warp_points(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """(K, 2) x, y in the source -> (K, 2) in the target, not clipped."""
    return (points @ matrix[:2, :2].T + matrix[:2, 2]).astype(points.dtype)


def warp_boxes(boxes: np.ndarray, matrix: np.ndarray, size: Shape) -> np.ndarray:
    """(N, 4) xyxy in the source -> the (N, 4) boxes around them in the target, clipped to its frame."""
    height, width = size
    limit = np.array([width, height, width, height], boxes.dtype)
    return np.clip(enclosing_boxes(boxes, matrix), 0, limit)


def enclosing_boxes(boxes: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """(N, 4) xyxy in the source -> the (N, 4) boxes around the mapped corners, not clipped."""
    corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 2)
    mapped = warp_points(corners, matrix).reshape(-1, 4, 2)
    return np.concatenate([mapped.min(axis=1), mapped.max(axis=1)], axis=1)


def _shrunk_side(length: int, scale: float) -> int:
    return max(1, round(length * min(1.0, float(scale))))


def _shrink(img: np.ndarray, shape: Shape) -> np.ndarray:
    if img.shape[:2] == shape:
        return img
    return cv2.resize(img, (shape[1], shape[0]), interpolation=cv2.INTER_AREA)


def _nearest_sources(length: int, scale: float, shift: float, source_length: int) -> tuple[np.ndarray, np.ndarray]:
    """The source pixel of each target pixel of an axis, (length,) indices within the source, and where it is one."""
    centres = (np.arange(length) + 0.5 - shift) / scale
    border = np.rint(centres)
    # The parity belongs to the border between two source pixels, so that a flip changes nothing. A quarter keeps what
    # is rounded off whole and half numbers.
    later = np.floor(border * abs(scale) + 0.25).astype(np.int64) % 2 == 0
    tied = np.abs(centres - border) < 1e-6
    indices = np.where(tied, border - 1 + later, np.floor(centres)).astype(np.int64)
    return indices.clip(0, source_length - 1), (indices >= 0) & (indices < source_length)


def _pixel_centred(matrix: np.ndarray) -> np.ndarray:
    """(2, 3) map between cv2's coordinates, where 0 is the centre of the first pixel."""
    return (translation(-0.5, -0.5) @ matrix @ translation(0.5, 0.5))[:2]
