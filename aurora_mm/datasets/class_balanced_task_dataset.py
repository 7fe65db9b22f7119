from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from aurora_mm.datasets.rare_classes import repeat_factors
from aurora_mm.datasets.task_dataset_wrapper import TaskDatasetWrapper
from aurora_mm.errors import ConfigError
from aurora_mm.registry import DATASETS


@DATASETS.register_module()
class ClassBalancedTaskDataset(TaskDatasetWrapper):
    """Repeat the images of rare classes in a data set of tasks, see :func:`repeat_factors`.

    Classes are those of images (classification) and of boxes (detection). Images of other task types occur once. Which
    share of the labels each task gets is not changed by it, see :class:`TaskAwareBatchSampler`.

    Args:
        dataset: Config of the data set, such as ``dict(type='FMCUIADataset', ...)``.
        oversample_thr: A class is rare if less than this share of its task's images contains it.
        kwargs: ``pipeline``, ``test_mode`` and ``lazy_init``, see :class:`TaskDatasetWrapper`.

    Raises:
        ConfigError: If the data set is not one of tasks, has no classes of images or boxes, or ``oversample_thr`` is
            not in (0, 1].
    """

    def __init__(self, dataset: Mapping[str, Any], oversample_thr: float, **kwargs: Any) -> None:
        if not isinstance(oversample_thr, int | float) or not 0 < oversample_thr <= 1:
            raise ConfigError(f'ClassBalancedTaskDataset: oversample_thr must be in (0, 1], not {oversample_thr!r}')
        self.oversample_thr = oversample_thr
        super().__init__(dataset, **kwargs)

    def occurrences(self) -> np.ndarray:
        """See :class:`TaskDatasetWrapper`."""
        items = [self.dataset.get_data_info(index) for index in range(len(self.dataset))]
        return repeat_factors(items, self.oversample_thr)
