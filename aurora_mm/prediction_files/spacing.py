"""The pixel spacing that a user gives."""

from __future__ import annotations

import math

from aurora_mm.errors import ConfigError


def parse_spacing(text: str) -> tuple[float, float]:
    """Parse the pixel spacing that a user wrote.

    Args:
        text: The side of a pixel in mm, or ``HEIGHT,WIDTH``.

    Returns:
        (height, width) of a pixel in mm.

    Raises:
        ConfigError: If it is something else.
    """
    try:
        sides = [float(side) for side in text.split(',')]
    except ValueError:
        sides = []
    if len(sides) not in (1, 2) or not all(math.isfinite(side) and side > 0 for side in sides):
        raise ConfigError(f'{text!r} is no length in mm, or HEIGHT,WIDTH')
    return sides[0], sides[-1]
