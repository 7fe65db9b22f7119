"""Small helpers without a home of their own."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table


def render_table(table: Table) -> str:
    """A rich table as plain text, for log files. A cell such as '[px]' is text and no markup."""
    buffer = StringIO()
    # Wide enough that rich never cuts a cell; it draws a table no wider than it is.
    Console(file=buffer, width=240, color_system=None, markup=False, emoji=False).print(table)
    return '\n'.join(line.rstrip() for line in buffer.getvalue().splitlines())


def read_image(path: str | Path, flags: int) -> np.ndarray | None:
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
