"""Conversion of mask values, such as 0 and 255, to class indices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aurora_mm.errors import ConfigError
from aurora_mm.images.image_header import BadImage
from aurora_mm.tasks import Task


def check_mask_values(values: Sequence[int], task: Task) -> None:
    """Check that there is one value for each class of a task.

    Args:
        values: Value of each class, the background counted.
        task: The task.

    Raises:
        ConfigError: If there are more or fewer values than classes, or equal values.
    """
    if len(set(values)) != len(values) or len(values) != task.num_outputs:
        raise ConfigError(
            f'mask values {list(values)} are not one each for the {task.num_outputs} classes of task {task.name!r}'
        )


def to_class_indices(mask: np.ndarray, values: Sequence[int]) -> np.ndarray:
    """Convert the values of a mask to class indices.

    Args:
        mask: (H, W) of any type.
        values: Value of each class, the background first.

    Returns:
        (H, W) uint8 class indices.

    Raises:
        BadImage: If the mask has another value.
    """
    indices = np.full(mask.shape, 255, np.uint8)
    known = np.zeros(mask.shape, bool)
    for index, value in enumerate(values):
        indices[mask == value] = index
        known |= mask == value
    if not known.all():
        raise BadImage(f'has values {np.unique(mask[~known])[:10].tolist()} besides {list(values)}')
    return indices
