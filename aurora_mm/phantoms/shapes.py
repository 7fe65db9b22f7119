"""Outlines and masks of structures.

Legend: N points of an outline, in continuous pixels (x = 0 is the left edge of the image); H x W pixels of the image.
"""

from __future__ import annotations

import cv2
import numpy as np

_SHIFT = 4  # fractional bits of cv2's fixed-point coordinates


def blob(
    rng: np.random.Generator,
    centre: np.ndarray,
    radius: float,
    *,
    aspect: float = 1.0,
    angle: float = 0.0,
    roughness: float = 0.0,
) -> np.ndarray:
    """Create the outline of an ellipse with random bumps.

    Args:
        rng: Random number generator.
        centre: x, y of the centre in pixels.
        radius: Longer semi-axis in pixels.
        aspect: Ratio of the shorter to the longer semi-axis, from 0 to 1.
        angle: Direction of the longer axis in radians, from x towards y.
        roughness: Size of the bumps as a fraction of the radius; 0 for an ellipse.

    Returns:
        (N, 2) x, y of the outline in pixels.
    """
    t = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    waves = np.arange(2, 6)
    amplitudes = rng.uniform(-1, 1, waves.size) * roughness / waves * 2
    phases = rng.uniform(0, 2 * np.pi, waves.size)
    stretch = 1 + (amplitudes[:, None] * np.cos(waves[:, None] * t + phases[:, None])).sum(0)
    x, y = radius * stretch * np.cos(t), radius * aspect * stretch * np.sin(t)
    turned = np.stack([x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)], -1)
    return turned + np.asarray(centre)


def bar(start: np.ndarray, end: np.ndarray, thickness: float, flare: float = 0.3) -> np.ndarray:
    """Create the outline of a straight long bone.

    Args:
        start: x, y of the middle of one end in pixels.
        end: x, y of the middle of the other end in pixels.
        thickness: Thickness in the middle of the bone in pixels.
        flare: Fraction by which the ends are thicker.

    Returns:
        (N, 2) x, y of the outline in pixels.
    """
    start, end = np.asarray(start, np.float64), np.asarray(end, np.float64)
    along = end - start
    normal = np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-6)
    t = np.linspace(0, 1, 25)
    half = thickness / 2 * (1 + flare * (2 * t - 1) ** 4)
    spine = start + t[:, None] * along
    return np.concatenate([spine + half[:, None] * normal, (spine - half[:, None] * normal)[::-1]])


def _fixed_point(outline: np.ndarray) -> np.ndarray:
    return np.round((outline - 0.5) * 2**_SHIFT).astype(np.int32)


def fill(outline: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the (H, W) bool mask of the pixels inside of an outline. Points may lie outside of the image."""
    canvas = np.zeros(shape, np.uint8)
    cv2.fillPoly(canvas, [_fixed_point(outline)], 1, shift=_SHIFT)
    return canvas.astype(bool)


def rim(outline: np.ndarray, shape: tuple[int, int], width: float) -> np.ndarray:
    """Return the (H, W) bool mask of the pixels of :func:`fill` within about ``width`` pixels of the outline."""
    canvas = np.zeros(shape, np.uint8)
    cv2.polylines(canvas, [_fixed_point(outline)], True, 1, thickness=max(1, round(2 * width)), shift=_SHIFT)
    return canvas.astype(bool) & fill(outline, shape)


def tight_box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Return the tight box around the pixels of a mask.

    Args:
        mask: (H, W) bool.

    Returns:
        xyxy in continuous pixels, so ``x_max`` is the index of the last column plus 1.

    Raises:
        ValueError: If the mask is empty.
    """
    columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
    if not columns.size:
        raise ValueError('an empty mask has no box')
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
