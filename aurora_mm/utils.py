"""Small helper functions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

_PART = 1 << 20  # bytes that are read at once


class Digest(Protocol):
    """A digest of ``hashlib``."""

    def update(self, data: bytes, /) -> None: ...


def add_file(digest: Digest, path: str | Path) -> None:
    """Add the bytes of a file to a digest, without holding the file in memory.

    Args:
        digest: The digest.
        path: Path of the file.
    """
    with Path(path).open('rb') as stream:
        while part := stream.read(_PART):
            digest.update(part)


def decode_file(path: str | Path, flags: int) -> NDArray[np.integer | np.floating] | None:
    """Read the pixels of an image file with OpenCV.

    Unlike ``cv2.imread`` it does not raise if the header declares more pixels than OpenCV accepts.

    Args:
        path: Path of the image file.
        flags: ``cv2.IMREAD_...``.

    Returns:
        (H, W) or (H, W, C) pixels, in BGR order, of the type that ``flags`` asks for; None if OpenCV cannot read the
        file.
    """
    try:
        return cv2.imread(str(path), flags)
    except cv2.error:
        return None


def first_few(texts: Sequence[str], most: int, separator: str = ', ') -> str:
    """Join texts for a message, the first few of many: ``'a, b and 3 more'``.

    Args:
        texts: The texts.
        most: How many are named.
        separator: What stands between two of them.
    """
    more = f' and {len(texts) - most} more' if len(texts) > most else ''
    return separator.join(texts[:most]) + more
