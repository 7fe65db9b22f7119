"""Captions above pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aurora_mm.visualization.canvas import Colour, letter_size
from aurora_mm.visualization.text import put_text, text_size

_GROUND = 24  # grey level behind captions
_LEAST_WIDTH = 160  # smallest width in pixels of a picture with its caption
_GAP = 2  # between two pictures


def stack_under_captions(
    pictures: Sequence[np.ndarray], captions: Sequence[Sequence[tuple[str, Colour]]]
) -> np.ndarray:
    """Put pictures side by side, each under its caption, aligned at the bottom left.

    Args:
        pictures: Pictures ``(h, w, 3)`` RGB uint8, of the same height.
        captions: Texts and their colours for each picture. The first text has its own line, and lines break where the
            next text does not fit.

    Returns:
        The picture, ``(H, W, 3)`` RGB uint8.
    """
    size = letter_size(pictures[0].shape)
    widths = [max(picture.shape[1], _LEAST_WIDTH) for picture in pictures]
    lines = [_lines(caption, size, width) for caption, width in zip(captions, widths, strict=True)]
    step = text_size('', size)[1]
    strip = max(map(len, lines)) * step + size // 2
    height = pictures[0].shape[0]
    whole = np.full((strip + height, sum(widths) + _GAP * (len(pictures) - 1), 3), _GROUND, np.uint8)
    left = 0
    for picture, width, rows in zip(pictures, widths, lines, strict=True):
        column = whole[:strip, left : left + width]
        for number, row in enumerate(rows):
            for text, colour, x in row:
                put_text(column, text, (x, number * step + size // 4), size, colour)
        whole[strip:, left : left + picture.shape[1]] = picture
        left += width + _GAP
    return whole


def _lines(caption: Sequence[tuple[str, Colour]], size: int, width: int) -> list[list[tuple[str, Colour, int]]]:
    """Return the texts of each line, with the x of each text in pixels."""
    rows: list[list[tuple[str, Colour, int]]] = []
    margin = x = size // 3
    for number, (text, colour) in enumerate(caption):
        needed = text_size(text, size)[0]
        if number < 2 or x + needed > width:
            rows.append([])
            x = margin
        rows[-1].append((text, colour, x))
        x += needed + size
    return rows
