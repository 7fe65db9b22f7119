"""Errors about an image, with the file that they are about."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.logging import print_log

from aurora_mm.errors import DataError
from aurora_mm.images.image_header import BadImage
from aurora_mm.images.ultrasound_image import UltrasoundImage


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


def tell_spacing_fault(image: UltrasoundImage, name: str) -> None:
    """Log that the pixel spacing that a file says is not taken, and why; nothing if it is, or none is said.

    Args:
        image: A picture of the file.
        name: The file, as the user knows it.
    """
    if image.spacing_fault is not None:
        print_log(f'{name} {image.spacing_fault}', logger='current', level=logging.WARNING)
