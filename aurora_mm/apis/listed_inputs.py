"""Turns what the inferencer is given into a list of images."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aurora_mm.errors import DataError
from aurora_mm.images.reading import images_in


def listed_inputs(inputs: Any) -> list[str | NDArray[np.uint8 | np.uint16]]:
    """Return the images of the inputs as paths and arrays.

    Args:
        inputs: Path of an image file or a folder of them, an array, or a list of paths of files and arrays.

    Returns:
        The images, those of a folder in sorted order.

    Raises:
        DataError: If a folder has no images, or an input is neither a path nor an array.
    """
    if isinstance(inputs, str | os.PathLike) and Path(inputs).is_dir():
        return [*images_in(Path(inputs))]
    listed = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
    for position, item in enumerate(listed):
        if not isinstance(item, str | os.PathLike | np.ndarray):
            raise DataError(f'input {position} is {type(item).__name__}: give a path or a NumPy array')
    return [os.fspath(item) if isinstance(item, os.PathLike) else item for item in listed]
