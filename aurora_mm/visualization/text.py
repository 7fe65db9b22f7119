"""Text on pictures, with all characters that the font has."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

_FONT = Path(matplotlib.get_data_path(), 'fonts', 'ttf', 'DejaVuSans.ttf')
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(_FONT), size)


def text_size(text: str, size: int) -> tuple[int, int]:
    """Return (width, height) in pixels of the box that :func:`put_text` fills, including its dark edge."""
    edge = _edge(size)
    return round(_font(size).getlength(text)) + 2 * edge, round(1.2 * size) + 2 * edge


def put_text(
    pixels: np.ndarray, text: str, at: tuple[int, int], size: int, colour: tuple[int, int, int] = WHITE
) -> None:
    """Write text with a dark edge, which is readable on light and dark pictures; text outside the picture is cut off.

    Args:
        pixels: ``(H, W, 3)`` RGB uint8; changed in place.
        text: One line.
        at: x and y of the upper left corner of its box, in pixels.
        size: Font size in pixels.
        colour: RGB.
    """
    width, height = text_size(text, size)
    x1, y1 = max(at[0], 0), max(at[1], 0)
    x2, y2 = min(at[0] + width, pixels.shape[1]), min(at[1] + height, pixels.shape[0])
    if x1 >= x2 or y1 >= y2:
        return
    edge = _edge(size)
    box = Image.fromarray(pixels[y1:y2, x1:x2])
    place = (at[0] - x1 + edge, at[1] - y1 + edge)
    ImageDraw.Draw(box).text(place, text, colour, _font(size), stroke_width=edge, stroke_fill=BLACK)
    pixels[y1:y2, x1:x2] = np.asarray(box)


def _edge(size: int) -> int:
    return max(round(size / 9), 1)
