"""What a pixel spacing may be, when two of them say the same, and how the CSV files of data roots hold one."""

from __future__ import annotations

import math
from collections.abc import Sequence

SPACING_COLUMN = 'pixel_spacing'
"""Column of the CSV files: JSON text ``[height, width]`` of a pixel of the image in mm; empty where it is not known."""

_LEAST_MM, _MOST_MM = 1.0, 1000.0  # sides of an ultrasound image
_ROUNDING = 0.01  # of a side, by which two texts of one spacing may differ


def is_spacing(sides: Sequence[float]) -> bool:
    """Return whether two numbers can be (height, width) of a pixel in mm: both are positive and finite."""
    return len(sides) == 2 and all(math.isfinite(side) and side > 0 for side in sides)


def impossible_spacing(spacing: Sequence[float], shape: Sequence[int]) -> str | None:
    """Return why an image cannot have a pixel spacing, to follow the name of the image; None if it can.

    Args:
        spacing: (height, width) of a pixel in mm.
        shape: (H, W) of the image.
    """
    height, width = (side * pixels for side, pixels in zip(spacing, shape, strict=True))
    if is_spacing(spacing) and min(height, width) >= _LEAST_MM and max(height, width) <= _MOST_MM:
        return None
    return (
        f'cannot have a pixel spacing of {list(spacing)} mm: it would show {width:.3g} x {height:.3g} mm, which no '
        'ultrasound image does'
    )


def spacing_text(spacing: tuple[float, float]) -> str:
    """Return the text of the column for (height, width) of a pixel in mm, to six digits."""
    return f'[{spacing[0]:g}, {spacing[1]:g}]'


def is_same_spacing(first: Sequence[float], second: Sequence[float]) -> bool:
    """Return whether two spacings, (height, width) in mm, differ by at most 1 % on each side, as rounded numbers do."""
    return all(math.isclose(one, other, rel_tol=_ROUNDING) for one, other in zip(first, second, strict=True))
