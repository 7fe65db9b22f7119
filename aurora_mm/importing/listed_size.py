"""Whether an image has the size that its file of labels lists."""

from __future__ import annotations

from pathlib import Path

from aurora_mm.errors import DataError
from aurora_mm.images.image_faults import naming
from aurora_mm.images.reading import read_shape


def check_listed_size(image: Path, size: tuple[int, int], file: Path) -> None:
    """Check that an image was not resized after it was labelled: its labels in pixels would lie elsewhere.

    Args:
        image: Path of the image file.
        size: (height, width) that the file of labels lists.
        file: The file of labels, for error messages.

    Raises:
        DataError: If the image has another size or cannot be read.
    """
    with naming(image):
        shape = read_shape(image)
    if shape != size:
        raise DataError(f'lists (height, width) {size}, but the image {image} has {shape}', file=file)
