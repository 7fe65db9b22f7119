"""Errors about an image, with the file that they are about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aurora_mm.errors import DataError
from aurora_mm.images.image_header import BadImage


@contextmanager
def naming(file: str | Path, what: str = 'image') -> Iterator[None]:
    """Raise what is wrong with an image that is read within the block as an error that names its file.

    Args:
        file: The file.
        what: What the file is.

    Raises:
        DataError: In place of BadImage.
    """
    try:
        yield
    except BadImage as bad:
        raise DataError(f'this {what} {bad}', file=file) from bad
