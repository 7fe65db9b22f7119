"""The common part of data sets that hold the items of another data set of tasks several times."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset, force_full_init

from aurora_mm.datasets.image_kinds import indices_by_kind
from aurora_mm.datasets.item_shards import item_shards
from aurora_mm.datasets.seeded_index import seeded_by
from aurora_mm.errors import ConfigError
from aurora_mm.registry import DATASETS
from aurora_mm.tasks import TaskTable

# MMEngine's wrappers have no tasks, and do not pass on the random seed of an index.
_INSTEAD = dict(
    ClassBalancedDataset='ClassBalancedTaskDataset',
    ConcatDataset='ConcatTaskDataset',
    RepeatDataset='RepeatTaskDataset',
)


def require_tasks(dataset: Any, user: str) -> None:
    """Check that a data set is one of tasks, with ``tasks`` and ``indices_by_task``.

    Args:
        dataset: The data set.
        user: What needs it, for the error message.

    Raises:
        ConfigError: If it is not. The message says what to use instead.
    """
    if hasattr(dataset, 'indices_by_task'):
        return
    name = type(dataset).__name__
    advice = f'use {_INSTEAD[name]}' if name in _INSTEAD else 'wrap it in TaskDataset'
    raise ConfigError(f'{user} needs a data set of tasks, and {name} is none: {advice}')


class TaskDatasetWrapper(BaseDataset):
    """Base class of wrappers around a data set of tasks, whose items occur several times in it.

    The random seed of an index (see :class:`~aurora_mm.datasets.seeded_index.SeededIndex`) also seeds the wrapped data
    set. Each occurrence of an item therefore has an augmentation of its own, whatever the number of workers.

    Args:
        dataset: Config of the data set.
        pipeline: Pipeline of the data set, instead of the one in its config. None keeps that one.
        test_mode: ``test_mode`` of the data set, instead of the one in its config. None keeps that one.
        lazy_init: Whether to load the annotations later, as in BaseDataset.

    Raises:
        ConfigError: If the data set is not one of tasks.
    """

    def __init__(
        self,
        dataset: Mapping[str, Any],
        pipeline: Sequence[Mapping[str, Any] | Callable[..., Any]] | None = None,
        test_mode: bool | None = None,
        lazy_init: bool = False,
    ) -> None:
        given = dict(pipeline=pipeline, test_mode=test_mode)
        common = {key: value for key, value in given.items() if value is not None}
        self.dataset: BaseDataset = DATASETS.build(dict(dataset) | common)
        require_tasks(self.dataset, type(self).__name__)
        self._fully_initialized = False
        if not lazy_init:
            self.full_init()

    @abstractmethod
    def occurrences(self) -> np.ndarray:
        """Return how often each item of the wrapped data set occurs, ``(len(self.dataset),)``."""

    def full_init(self) -> None:
        """Load the wrapped data set, and repeat its indices."""
        if self._fully_initialized:
            return
        self.dataset.full_init()
        self._origins = np.repeat(np.arange(len(self.dataset)), self.occurrences())
        self._fully_initialized = True

    @property
    def tasks(self) -> TaskTable:
        """The tasks of the wrapped data set."""
        tasks: TaskTable = self.dataset.tasks
        return tasks

    @property
    def metainfo(self) -> dict[str, Any]:
        """That of the wrapped data set, with ``images_per_task`` of this one after the data is loaded."""
        metainfo = self.dataset.metainfo
        if self._fully_initialized:
            metainfo['images_per_task'] = {name: len(indices) for name, indices in self.indices_by_task().items()}
        return metainfo

    @force_full_init
    def indices_by_task(self) -> dict[str, np.ndarray]:
        """Return the increasing indices of each task's items, in table order. Tasks without items are left out."""
        return {name: self._places_of(indices) for name, indices in self.dataset.indices_by_task().items()}

    @force_full_init
    def indices_by_kind(self) -> dict[tuple[str, ...], np.ndarray]:
        """Group the images by the tasks that they have labels of, see :func:`indices_by_kind`.

        An image that occurs several times counts as several images.
        """
        return {kind: self._places_of(indices) for kind, indices in indices_by_kind(self.dataset).items()}

    @force_full_init
    def shards(self) -> np.ndarray:
        """Return the shard that each item's image is in, see :func:`aurora_mm.datasets.item_shards.item_shards`."""
        return item_shards(self.dataset, 'a draw by shards')[self._origins]

    @force_full_init
    def get_data_info(self, idx: int) -> dict[str, Any]:
        """Return the annotation of an item, as the wrapped data set has it."""
        info: dict[str, Any] = self.dataset.get_data_info(int(self._origins[idx]))
        return info

    @force_full_init
    def __len__(self) -> int:
        return len(self._origins)

    @force_full_init
    def __getitem__(self, idx: int) -> dict[str, Any]:
        with seeded_by(idx):
            data: dict[str, Any] = self.dataset[int(self._origins[idx])]
            return data

    def get_subset_(self, indices: Any) -> None:
        """Raise an error, as MMEngine's wrappers do: take a subset of the wrapped data set."""
        raise NotImplementedError(f'{type(self).__name__} has no subset: take one of the wrapped data set')

    get_subset = get_subset_

    def _places_of(self, indices: np.ndarray) -> np.ndarray:
        return np.flatnonzero(np.isin(self._origins, indices))
