"""Small helpers without a home of their own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np


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


def write_text(path: str | Path, text: str) -> None:
    """Writes a file whole or not at all: a reader never meets half of it, an error leaves the old one."""
    write_bytes(path, text.encode('utf-8'))


def write_bytes(path: str | Path, data: bytes) -> None:
    """As :func:`write_text`."""
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
    """A fresh sibling folder that takes the place of ``out`` when the block ends well and goes when it does not.

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
