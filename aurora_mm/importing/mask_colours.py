"""Values of masks as users write them: numbers, or colours such as ``#ff0000``."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from aurora_mm.errors import ConfigError

MaskValue = int | str
"""A value of a mask that stands for a class: a number, or a colour as ``#rrggbb``."""

_COLOUR = re.compile(r'#[0-9a-f]{6}', re.IGNORECASE)


def is_mask_value(value: Any) -> bool:
    """Return whether something is a number from 0 on or the text of a colour."""
    return (type(value) is int and value >= 0) or (isinstance(value, str) and _COLOUR.fullmatch(value) is not None)


def check_mask_values(values: Any, count: int, place: str) -> None:
    """Check the values of the classes of a task in its masks.

    Args:
        values: The value of each class; None for masks of class indices.
        count: Of the classes, the background counted.
        place: What names them, for the error message.

    Raises:
        ConfigError: If they are not a list of different numbers or of different colours, one for each class.
    """
    is_list = isinstance(values, list) and all(map(is_mask_value, values))
    if values is not None and not (
        is_list and len(values) == len(set(values)) == count and len(set(map(type, values))) == 1
    ):
        raise ConfigError(
            f'{place}: mask_values must be different numbers, one for each class, or as many colours, not {values!r}'
        )


def colour_codes(pixels: np.ndarray) -> np.ndarray:
    """Return colours as numbers, red * 65536 + green * 256 + blue.

    Args:
        pixels: (H, W, 3) uint8 BGR.

    Returns:
        (H, W) int32.
    """
    blue, green, red = np.moveaxis(pixels.astype(np.int32), 2, 0)
    return (red << 16) | (green << 8) | blue


def colour_code(value: MaskValue) -> int:
    """Return the number of a colour, see :func:`colour_codes`.

    Raises:
        ConfigError: If it is no colour.
    """
    if not isinstance(value, str) or not _COLOUR.fullmatch(value):
        raise ConfigError(f'{value!r} is no colour, and other mask values are; write each as #rrggbb')
    return int(value[1:], 16)


def colour_name(code: int) -> str:
    """Return ``#rrggbb`` of the number of a colour."""
    return f'#{code:06x}'
