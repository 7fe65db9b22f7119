"""Small helpers without a home of their own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table


def render_table(table: Table) -> str:
    """Renders a table as plain text, for log files.

    Args:
        table: Its cells are text and no markup: '[px]' stays as it is.

    Returns:
        Lines without trailing spaces, as wide as the table needs.
    """
    buffer = StringIO()
    # Wide enough that rich never cuts a cell; it draws a table no wider than it is.
    Console(file=buffer, width=240, color_system=None, markup=False, emoji=False).print(table)
    return '\n'.join(line.rstrip() for line in buffer.getvalue().splitlines())


def read_image(path: str | Path, flags: int) -> np.ndarray | None:
    """Reads the pixels of an image file with OpenCV.

    ``cv2.imread`` raises an error where a header claims more pixels than OpenCV is willing to read; here that is a file
    that cannot be read, like any other.

    Args:
        path: The file.
        flags: ``cv2.IMREAD_...``.

    Returns:
        An array of shape (H, W) or (H, W, C) as the flags say, or None if the file cannot be read.
    """
    try:
        return cv2.imread(str(path), flags)
    except cv2.error:
        return None


def write_text(path: str | Path, text: str) -> None:
    """Writes a text file in UTF-8, whole or not at all.

    The text is written to a temporary file that then takes the place of the old one. So no reader sees half of it, and
    after an error the old file is still there. Folders on the way are made.

    Args:
        path: The file.
        text: All of its content.
    """
    write_bytes(path, text.encode('utf-8'))


def write_bytes(path: str | Path, data: bytes) -> None:
    """Writes a binary file, whole or not at all, see :func:`write_text`.

    Args:
        path: The file.
        data: All of its content.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f'.{path.name}.')
    try:
        with os.fdopen(handle, 'wb') as file:
            file.write(data)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """Makes a folder, whole or not at all.

    The block of the ``with`` statement fills a temporary folder beside ``out``. If it ends without an error, the folder
    is renamed to ``out``; if not, it is deleted.

    Args:
        out: Must not exist, or be an empty folder.

    Yields:
        The folder to fill.

    Raises:
        OSError: If ``out`` exists and is not an empty folder; it is left as it is.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    partial_folder = out.parent / f'.{out.name}.partial-{os.getpid()}'
    partial_folder.mkdir()
    try:
        yield partial_folder
        if out.exists():
            out.rmdir()  # empty, or this fails and nothing is lost
        partial_folder.rename(out)
    finally:
        shutil.rmtree(partial_folder, ignore_errors=True)
