"""Finds the tasks of a config's data, and chooses those to train."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log

from aurora_mm.challenge.csv_files import read_root
from aurora_mm.challenge.fmc_index import FmcIndex
from aurora_mm.challenge.index_cache import IndexCache
from aurora_mm.config_variables import FMC_DATASETS, LOADERS, datasets_of_loader, parts_of
from aurora_mm.data_root import DataRoot
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.images.shards.remote_root import local_data_root
from aurora_mm.tasks import Task, TaskTable

TASK_DATASET_TYPES = ('TaskDataset', 'aurora_mm.TaskDataset')


class DataTasks:
    """The tasks of the data sets of a config.

    Args:
        cfg: A config. The CSV files of its data sets are read.
        known: Known tasks, for the names of their classes and points.
        loaders: Names of the data loaders whose data sets are read.

    Attributes:
        table: The known tasks and the tasks of the data.

    Raises:
        DataError: If there is no data, or rows contradict each other or the known tasks.
    """

    def __init__(self, cfg: Config, known: TaskTable, loaders: Sequence[str] = LOADERS) -> None:
        self.table = known
        self._places: dict[str, str] = {}
        self._rows: dict[Path, list[str]] = {}
        self._of_loader = {key: self._read_loader(cfg, key) for key in loaders}

    def trained(self) -> list[str]:
        """Return the names of the tasks with training rows, in the order of the table."""
        return [name for name in self.table if name in self._of_loader['train_dataloader']]

    def without_validation(self, names: Sequence[str]) -> list[str]:
        """Return those of the tasks that the validation data has no rows of; none if there is no validation data."""
        validated = self._of_loader.get('val_dataloader')
        return [name for name in names if name not in validated] if validated else []

    def require_trained(self, names: Sequence[str], what: str) -> None:
        """Check that the data has no other tasks than the given ones.

        Args:
            names: Names of the tasks.
            what: Description of these tasks, for the error message.

        Raises:
            DataError: If there is another task. The message names it, where it was found, and the given tasks, the most
                similar name first.
        """
        for found in self._of_loader.values():
            for name, place in found.items():
                if name not in names:
                    nearest = ', '.join(TaskTable([self.table[n] for n in names]).nearest(name))
                    raise DataError(
                        f'{place}: task {name!r} is none of {what}: {nearest}. If it is one of them, give it that '
                        'name; else choose tasks by --tasks'
                    )

    def _read_loader(self, cfg: Config, key: str) -> dict[str, str]:
        """Return the tasks of a data loader, each with the file and the line where it was first found."""
        found: dict[str, str] = {}
        for dataset in datasets_of_loader(cfg, key):
            if dataset.get('type') in FMC_DATASETS:
                folder = fmc_folder(dataset)
                self._read_folder(folder, dataset.get('index_cache'))
                included = dataset.get('include')
                names = [n for n in self._rows[folder] if included is None or n in included]
                found |= {name: self._places[name] for name in names if name not in found}
            elif dataset.get('type') in TASK_DATASET_TYPES:
                task = Task.from_config(dataset.task)
                self.table = self.table.with_tasks([task])
                found.setdefault(task.name, f'{key} of the config')
        return found

    def _read_folder(self, folder: Path, cache: str | None) -> None:
        """Read the tasks of the rows of a folder. Bad rows are ignored, because the data set reports them.

        Args:
            folder: The folder that contains ``csv_files``.
            cache: Folder of the :class:`~aurora_mm.challenge.index_cache.IndexCache`, in which one row of each task is
                kept. None keeps nothing.
        """
        if folder in self._rows:
            return

        def read() -> FmcIndex:
            index = read_root(folder, self.table, with_labels=False, on_error='skip', places=self._places)
            return index if cache is None else index._replace(records=index.records.one_of_each_task(), skipped=[])

        options = dict(tasks=self.table.to_config(), places=self._places, rows='one of each task')
        index = read() if cache is None else IndexCache(cache).read(folder, options, read)
        self.table = index.tasks
        self._rows[folder] = index.records.tasks()
        self._places = index.places


def choose_tasks(cfg: Config, tasks: DataTasks, names: Sequence[str] | None) -> TaskTable:
    """Choose the tasks to train: the given ones, or all tasks with training rows.

    Args:
        cfg: Changed in place if names are given: its data sets then only keep rows of these tasks.
        tasks: The tasks of its data.
        names: Names of the tasks to train. None chooses all tasks with training rows.

    Returns:
        The chosen tasks. Without training data, all known tasks.

    Raises:
        DataError: If the validation or test data has another task, which probably is a misspelt name.
        ConfigError: If a given task has no training rows.
    """
    trained = tasks.trained()
    if not any(datasets_of_loader(cfg, 'train_dataloader')):
        return tasks.table
    if names is None:
        chosen = trained
        tasks.require_trained(chosen, 'the tasks with training rows')
    else:
        for name in names:
            if name not in trained:
                nearest = ', '.join(TaskTable([tasks.table[n] for n in trained]).nearest(name))
                raise ConfigError(f'task {name!r} has no training rows; those that have are {nearest or "none"}')
        chosen = [name for name in trained if name in names]
        keep_tasks(cfg, chosen)
    left_out = [name for name in tasks.table if name not in chosen]
    if left_out:
        why = 'without training rows' if names is None else 'that were not asked for'
        print_log(f'tasks {why} are left out: {", ".join(left_out)}', logger='current', level=logging.WARNING)
    if unseen := tasks.without_validation(chosen):
        text = f'tasks without validation rows are trained, but not in the scores: {", ".join(unseen)}'
        print_log(text, logger='current', level=logging.WARNING)
    return TaskTable([tasks.table[name] for name in chosen])


def keep_tasks(cfg: Config, names: Sequence[str]) -> None:
    """Set the data sets of a config to only use rows of the given tasks.

    Args:
        cfg: Changed in place.
        names: Names of the tasks to keep.

    Raises:
        ConfigError: If the only data set of a data loader is of another task.
    """
    for key in LOADERS:
        for dataset in datasets_of_loader(cfg, key):
            if dataset.get('type') in FMC_DATASETS:
                dataset.include = list(names)
        loaded = (cfg.get(key) or {}).get('dataset')
        if loaded is None:
            continue
        tasks = [repr(dataset.task.name) for dataset in datasets_of_loader(cfg, key) if _is_of_one_task(dataset)]
        if _of_tasks(loaded, names) is None:
            raise ConfigError(f'{key} of the config is of {", ".join(tasks)} alone, which was not asked for')


def fmc_root(dataset: Mapping[str, Any]) -> DataRoot:
    """Find the data root of an FMC-UIA data set.

    Args:
        dataset: Config of the data set.

    Raises:
        DataError: If there is no data.
    """
    folder = local_data_root(dataset['data_root'], dataset.get('shard_cache'))
    return DataRoot.find(folder, str(dataset['data_root']))


def fmc_folder(dataset: Mapping[str, Any]) -> Path:
    """Return the folder that contains the ``csv_files`` of an FMC-UIA data set.

    Args:
        dataset: Config of the data set.

    Raises:
        DataError: If there is no data, or the split has no folder.
    """
    return fmc_root(dataset).folder_of(dataset.get('split', 'train'))


def _of_tasks(dataset: Any, names: Sequence[str]) -> Any:
    """Remove the data sets of other tasks from the config of a wrapper; None if nothing is left of the data set."""
    if _is_of_one_task(dataset):
        return dataset if dataset.task.name in names else None
    kept = [part for part in (_of_tasks(part, names) for part in parts_of(dataset)) if part is not None]
    if 'datasets' in dataset:
        dataset.datasets = kept
    return None if parts_of(dataset) and not kept else dataset


def _is_of_one_task(dataset: Mapping[str, Any]) -> bool:
    return dataset.get('type') in TASK_DATASET_TYPES
