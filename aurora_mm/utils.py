"""Small helpers without a home of their own."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def decode_file(path: str | Path, flags: int) -> np.ndarray | None:
    """The pixels of an image file as OpenCV reads them, or None if it cannot.

    ``cv2.imread`` itself raises where a header speaks of more pixels than it would ever read.

    Args:
        path: Of the file.
        flags: ``cv2.IMREAD_...``.
    """
    try:
        return cv2.imread(str(path), flags)
    except cv2.error:
        return None
