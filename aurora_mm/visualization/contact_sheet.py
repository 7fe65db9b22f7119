"""Sheets with many pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import mmcv
import numpy as np

from aurora_mm.files import write_image


def contact_sheet(files: Sequence[str | Path], out_file: str | Path, columns: int = 3, cell_width: int = 640) -> None:
    """Write pictures row by row on one sheet, each scaled down to the width of a cell, on a dark background.

    Args:
        files: Files of the pictures in reading order, at least one.
        out_file: PNG or JPEG file to write.
        columns: Number of cells in a row.
        cell_width: Width of a cell in pixels.
    """
    pictures = []
    for file in files:
        picture = mmcv.imread(str(file))
        scale = min(cell_width / picture.shape[1], 1)
        size = [max(round(side * scale), 1) for side in picture.shape[1::-1]]
        pictures.append(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
    rows = []
    for start in range(0, len(pictures), columns):
        row = pictures[start : start + columns]
        sheet = np.full((max(p.shape[0] for p in row) + 6, columns * (cell_width + 6), 3), 24, np.uint8)
        for i, picture in enumerate(row):
            left = i * (cell_width + 6)
            sheet[: picture.shape[0], left : left + picture.shape[1]] = picture
        rows.append(sheet)
    write_image(out_file, np.concatenate(rows))
