"""Mask files."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from aurora_mm.utils import read_image


def read_mask(file: str | Path) -> np.ndarray | None:
    """The values of a mask: (H, W), or (H, W, channels) of a colour image; None if it cannot be read.

    A PNG with a palette, as many mmseg data sets have them, holds its indices; OpenCV would give their colours.
    """
    mask = read_image(file, cv2.IMREAD_UNCHANGED)
    if mask is not None and mask.ndim == 3:
        with Image.open(file) as image:
            if image.mode == 'P':
                return np.array(image)
    return mask
