"""The part of an image that shows ultrasound, and the depth of its pixels."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

_DARK = 4  # grey values up to this one are background; JPEG leaves such values around the sector
# Of the larger side: what is thinner than the second, such as a scale of grey values beside the sector, is no part of
# it, once gaps between echoes up to the first are closed; dark structures up to the third are parts of it.
_GAPS, _THIN, _STRUCTURES = 0.01, 0.025, 0.06


@dataclass(frozen=True, eq=False)
class Sector:
    """The sector of an image.

    Args:
        mask: (H, W) bool, the sector.
        depth: (H,) of each row, 0 at the top of the sector and 1 at its bottom. Depth is counted straight down: the
            angle of the beams of curved probes is not known.
    """

    mask: np.ndarray
    depth: np.ndarray


def find_sector(image: np.ndarray) -> Sector:
    """Find the sector: the largest bright part, with the dark structures in it, but not the dark around it.

    A picture without such a part is one sector. Dark regions that reach the dark around the sector, such as fluid at
    its border, are taken for background.

    Args:
        image: (H, W) or (H, W, 3) uint8.
    """
    grey = image if image.ndim == 2 else image.max(axis=2)
    height, width = grey.shape
    bright = (grey > _DARK).astype(np.uint8)
    closed = _morphology(bright, cv2.MORPH_CLOSE, _GAPS)
    closed = _morphology(closed, cv2.MORPH_OPEN, _THIN)
    closed = _morphology(closed, cv2.MORPH_CLOSE, _STRUCTURES)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed)
    if count < 2:
        mask = np.ones((height, width), bool)
    else:
        largest = (labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)
        outlines, _ = cv2.findContours(largest, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        mask = cv2.drawContours(np.zeros_like(largest), outlines, -1, 1, cv2.FILLED).astype(bool)
    rows = np.flatnonzero(mask.any(axis=1))
    top, bottom = int(rows[0]), int(rows[-1])
    depth = np.clip((np.arange(height) - top) / max(bottom - top, 1), 0, 1)
    return Sector(mask, depth)


def _morphology(mask: np.ndarray, operation: int, size: float) -> np.ndarray:
    """Open or close a mask by an ellipse; the size is that of the ellipse, of the larger side."""
    height, width = mask.shape
    side = 2 * round(size * max(height, width) / 2) + 1
    # Padded by its own border, because closing must not draw the border of the picture in, nor opening take it away.
    padded = cv2.copyMakeBorder(mask, side, side, side, side, cv2.BORDER_REPLICATE)
    found = cv2.morphologyEx(padded, operation, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    return found[side : side + height, side : side + width]
