"""The pixel spacing that a user gives."""

from __future__ import annotations

from aurora_mm.errors import ConfigError
from aurora_mm.images.pixel_spacing import is_spacing


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
    if len(sides) not in (1, 2) or not is_spacing((sides[0], sides[-1])):
        raise ConfigError(f'{text!r} is no length in mm, or HEIGHT,WIDTH')
    return sides[0], sides[-1]
