from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset, ConcatDataset

from aurora_mm.datasets.image_fingerprints import FINGERPRINTS, merge_fingerprints
from aurora_mm.datasets.image_kinds import indices_by_kind
from aurora_mm.datasets.item_shards import item_shards
from aurora_mm.datasets.seeded_index import seeded_by
from aurora_mm.datasets.task_dataset_wrapper import require_tasks
from aurora_mm.errors import ConfigError
from aurora_mm.registry import DATASETS
from aurora_mm.structures import MultiTaskDataSample
from aurora_mm.tasks import Task, TaskTable

# What is added to the ``img_id`` of a part for each part before it; larger than those of COCO files.
_IDS_OF_A_PART = 10**12


@DATASETS.register_module()
class ConcatTaskDataset(ConcatDataset):
    """Concatenation of data sets of tasks, such as FMC-UIA data, COCO files and mmseg folders.

    Each data set numbers its images from 0 or as its file does. Where two have images of the same task, those of the
    later one get other values of ``img_id``, so that evaluation and submissions tell them apart.

    Args:
        datasets: Configs of data sets with a property ``tasks`` and a method ``indices_by_task``, such as
            :class:`FMCUIADataset` and :class:`TaskDataset`. A task may be in several of them, with the same type and
            outputs.
        pipeline: Pipeline for all data sets, instead of their own. None keeps the pipeline of each.
        test_mode: ``test_mode`` for all data sets, instead of their own. None keeps that of each.
        lazy_init: As in ConcatDataset.

    Raises:
        ConfigError: If a data set is not one of tasks, or two data sets describe a task differently.
    """

    def __init__(
        self,
        datasets: Sequence[Mapping[str, Any]],
        pipeline: Sequence[Mapping[str, Any] | Callable[..., Any]] | None = None,
        test_mode: bool | None = None,
        lazy_init: bool = False,
    ) -> None:
        given = dict(pipeline=pipeline, test_mode=test_mode)
        common = {key: value for key, value in given.items() if value is not None}
        built: list[BaseDataset] = [DATASETS.build(dict(dataset) | common) for dataset in datasets]
        for dataset in built:
            require_tasks(dataset, 'ConcatTaskDataset')
        # MMEngine's class takes no concatenation within a concatenation.
        built = [
            part
            for dataset in built
            for part in (dataset.datasets if isinstance(dataset, ConcatDataset) else [dataset])
        ]
        super().__init__(built, lazy_init, ignore_keys=['tasks', 'images_per_task', FINGERPRINTS])

    @property
    def tasks(self) -> TaskTable:
        """The tasks of all data sets. A task of several data sets has the class and point names of the first."""
        table = TaskTable()
        for dataset in self.datasets:
            for task in dataset.tasks.values():
                _check_order(task, table.get(task.name, task))
            table = table.with_tasks(dataset.tasks.values())
        return table

    @property
    def metainfo(self) -> dict[str, Any]:
        """``tasks``; ``image_fingerprints`` of training data; and ``images_per_task`` after the data is loaded."""
        metainfo: dict[str, Any] = dict(tasks=self.tasks.to_config())
        packed = merge_fingerprints(dataset.metainfo.get(FINGERPRINTS) for dataset in self.datasets)
        if packed is not None:
            metainfo[FINGERPRINTS] = packed
        if self._fully_initialized:
            metainfo['images_per_task'] = {name: len(indices) for name, indices in self.indices_by_task().items()}
        return metainfo

    def __getitem__(self, idx: int) -> dict[str, Any]:
        with seeded_by(idx):
            data: dict[str, Any] = super().__getitem__(int(idx))
        return self._numbered(data, int(idx))

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """Return the annotation of an item, as its data set has it but for ``img_id``."""
        return self._numbered(super().get_data_info(idx), idx)

    def _numbered(self, data: dict[str, Any], idx: int) -> dict[str, Any]:
        """Return an item, before or after its pipeline, with an ``img_id`` that no other image of a task has."""
        first = self._first_ids[self._get_ori_dataset_idx(idx)[0]]
        if not first:
            return data
        if 'img_id' in data:
            data = data | dict(img_id=data['img_id'] + first)
        if 'other_rows' in data:
            data = data | dict(other_rows=[row | dict(img_id=row['img_id'] + first) for row in data['other_rows']])
        packed = data.get('data_samples')
        for view in packed if isinstance(packed, list) else [packed]:  # several with test-time augmentation
            if isinstance(view, MultiTaskDataSample):
                for sample in (view, *view):
                    sample.set_field(sample.img_id + first, 'img_id', field_type='metainfo')
        return data

    @cached_property
    def _first_ids(self) -> list[int]:
        met: set[str] = set()
        found = []
        for place, dataset in enumerate(self.datasets):
            names = set(dataset.indices_by_task())  # `tasks` may also name tasks without an image here
            found.append(place * _IDS_OF_A_PART if names & met else 0)
            met |= names
        return found

    def indices_by_kind(self) -> dict[tuple[str, ...], np.ndarray]:
        """Group the images by the tasks that they have labels of, see :func:`indices_by_kind`.

        An image that is in two of the data sets counts as two images.
        """
        self.full_init()
        found: dict[tuple[str, ...], list[np.ndarray]] = {}
        for start, dataset in zip([0, *self.cumulative_sizes], self.datasets, strict=False):
            for kind, indices in indices_by_kind(dataset).items():
                found.setdefault(kind, []).append(indices + start)
        return {kind: np.concatenate(arrays) for kind, arrays in found.items()}

    def shards(self) -> np.ndarray:
        """Return the shard that each item's image is in, see :func:`aurora_mm.datasets.item_shards.item_shards`."""
        self.full_init()
        found: list[np.ndarray] = []
        for dataset in self.datasets:
            start = max((int(shards.max()) + 1 for shards in found), default=0)
            found.append(item_shards(dataset, 'a draw by shards') + start)
        return np.concatenate(found)

    def indices_by_task(self) -> dict[str, np.ndarray]:
        """Return the increasing indices of each task's items, in table order. Tasks without items are left out."""
        self.full_init()
        found: dict[str, list[np.ndarray]] = {name: [] for name in self.tasks}
        start = 0
        for dataset in self.datasets:
            for name, indices in dataset.indices_by_task().items():
                found[name].append(indices + start)
            start += len(dataset)
        return {name: np.concatenate(arrays) for name, arrays in found.items() if arrays}


def _check_order(task: Task, known: Task) -> None:
    names, expected = task.output_names, known.output_names
    if names != expected and sorted(names) == sorted(expected):
        raise ConfigError(
            f'task {task.name!r} has {", ".join(expected)} in one data set, {", ".join(names)} in another'
        )
