"""Images of a data set by the tasks whose labels they bring."""

from __future__ import annotations

import numpy as np
from mmengine.dataset import BaseDataset


def indices_by_kind(dataset: BaseDataset) -> dict[tuple[str, ...], np.ndarray]:
    """One index for each image to draw, increasing, by the tasks whose labels its item brings.

    Asks the data set, or where it has no method of this name, takes it that every item brings one label.

    Args:
        dataset: A data set of tasks, with ``indices_by_task()``.
    """
    if hasattr(dataset, 'indices_by_kind'):
        return dataset.indices_by_kind()
    return {(name,): indices for name, indices in dataset.indices_by_task().items()}
