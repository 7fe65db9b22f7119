"""Groups of images by the tasks that they have labels of."""

from __future__ import annotations

import numpy as np
from mmengine.dataset import BaseDataset


def indices_by_kind(dataset: BaseDataset) -> dict[tuple[str, ...], np.ndarray]:
    """Group the images of a data set by the tasks that they have labels of.

    Calls the data set's own method ``indices_by_kind`` if it has one. Otherwise every item is an image with one label.

    Args:
        dataset: A data set of tasks, with ``indices_by_task()``.

    Returns:
        Increasing indices of items, one per image, by the names of the image's tasks in table order.
    """
    if hasattr(dataset, 'indices_by_kind'):
        return dataset.indices_by_kind()
    return {(name,): indices for name, indices in dataset.indices_by_task().items()}
