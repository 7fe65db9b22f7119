from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from aurora_mm.datasets.task_dataset_wrapper import TaskDatasetWrapper
from aurora_mm.errors import ConfigError
from aurora_mm.registry import DATASETS


@DATASETS.register_module()
class RepeatTaskDataset(TaskDatasetWrapper):
    """Repeat a data set of tasks, such as one of several in :class:`ConcatTaskDataset`.

    MMEngine's ``RepeatDataset`` has no tasks, and its images would be augmented by the random state of a worker.

    Args:
        dataset: Config of the data set, such as ``dict(type='FMCUIADataset', ...)``.
        times: How often each item occurs, at least 1.
        kwargs: ``pipeline``, ``test_mode`` and ``lazy_init``, see :class:`TaskDatasetWrapper`.

    Raises:
        ConfigError: If the data set is not one of tasks, or ``times`` is not a whole number from 1 on.
    """

    def __init__(self, dataset: Mapping[str, Any], times: int, **kwargs: Any) -> None:
        if not isinstance(times, int) or times < 1:
            raise ConfigError(f'RepeatTaskDataset: times must be a whole number from 1 on, not {times!r}')
        self.times = times
        super().__init__(dataset, **kwargs)

    def occurrences(self) -> np.ndarray:
        """See :class:`TaskDatasetWrapper`."""
        return np.full(len(self.dataset), self.times)
