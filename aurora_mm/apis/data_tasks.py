"""Which tasks a config's data holds, and which of them are trained."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log

from aurora_mm.challenge.csv_files import read_root
from aurora_mm.config_variables import FMC_DATASETS, LOADERS
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.tasks import Task, TaskTable

TASK_DATASET_TYPES = ('TaskDataset', 'aurora_mm.TaskDataset')


class DataTasks:
    """The tasks that the data sets of a config have rows of.

    Args:
        cfg: A config; its data roots are read.
        known: Known tasks, for their names of classes and points.
        loaders: Whose data sets are read.

    Attributes:
        table: The known tasks and those of the data.

    Raises:
        DataError: If there is no data, or it contradicts itself or the known tasks.
    """

    def __init__(self, cfg: Config, known: TaskTable, loaders: Sequence[str] = LOADERS) -> None:
        self.table = known
        self._places: dict[str, str] = {}
        self._rows: dict[Path, list[str]] = {}
        self._of_loader = {key: self._read_loader(cfg, key) for key in loaders}

    def trained(self) -> list[str]:
        """Names of the tasks with training rows, in the order of the table."""
        return [name for name in self.table if name in self._of_loader['train_dataloader']]

    def require_trained(self, names: Sequence[str], what: str) -> None:
        """Check that validation and test data are of some tasks alone.

        Args:
            names: Of the tasks.
            what: How they are called in the message.

        Raises:
            DataError: Naming a task that is none of them, where it stands, and the others, the nearest first.
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
        """The tasks of a loader's data, each with the place where it was first met."""
        found: dict[str, str] = {}
        for dataset in parts_of(cfg, key):
            if dataset.get('type') in FMC_DATASETS:
                self._read_folder(fmc_folder(dataset))
                included = dataset.get('include')
                names = [n for n in self._rows[fmc_folder(dataset)] if included is None or n in included]
                found |= {name: self._places[name] for name in names if name not in found}
            elif dataset.get('type') in TASK_DATASET_TYPES:
                task = Task.from_config(dataset.task)
                self.table = self.table.with_tasks([task])
                found.setdefault(task.name, f'{key} of the config')
        return found

    def _read_folder(self, folder: Path) -> None:
        """The rows of a folder, for their tasks alone: bad rows are the data set's to report."""
        if folder in self._rows:
            return
        if not folder.is_dir():
            raise DataError(
                f'no data at {folder.parent}. Give the folder that holds csv_files (or train/ and val/ with them) as '
                '--data-root, or try everything on generated data: '
                '`aurora-mm make-demo-data DIR`, then '
                '`aurora-mm train configs/aurora_fmc_demo.py --data-root DIR`'
            )
        index = read_root(folder, self.table, with_labels=False, on_error='skip', places=self._places)
        self.table = index.tasks
        self._rows[folder] = list(dict.fromkeys(record.task for record in index.records))
        self._places = index.places


def choose_tasks(cfg: Config, tasks: DataTasks, names: Sequence[str] | None) -> TaskTable:
    """The tasks that a training is of: those that are asked for, or all that have training rows.

    Args:
        cfg: Changed in place where tasks are asked for: its data sets keep their rows alone.
        tasks: Of its data.
        names: Of the tasks that are asked for; None asks for all.

    Raises:
        DataError: If the data holds a task that is not trained, most likely a name spelt otherwise.
        ConfigError: If a task that is asked for has no training rows.
    """
    trained = tasks.trained()
    if not any(parts_of(cfg, 'train_dataloader')):
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
    return TaskTable([tasks.table[name] for name in chosen])


def keep_tasks(cfg: Config, names: Sequence[str]) -> None:
    """Leaves the rows of other tasks out of a config's data sets.

    Args:
        cfg: Changed in place.
        names: Of the tasks to keep.

    Raises:
        ConfigError: If a loader's only data set is of another task.
    """
    for key in LOADERS:
        for dataset in parts_of(cfg, key):
            if dataset.get('type') in FMC_DATASETS:
                dataset.include = list(names)
        loaded = (cfg.get(key) or {}).get('dataset')
        if loaded is None:
            continue
        if loaded.get('type') in TASK_DATASET_TYPES and loaded.task.name not in names:
            raise ConfigError(f'{key} of the config is of task {loaded.task.name!r} alone, which was not asked for')
        if 'datasets' in loaded:
            loaded.datasets = [part for part in loaded.datasets if _is_of(part, names)]


def fmc_folder(dataset: Mapping[str, Any]) -> Path:
    """The folder of ``csv_files`` that a data set in the FMC-UIA layout reads.

    Args:
        dataset: Its config.
    """
    root = Path(dataset['data_root'])
    return root if (root / 'csv_files').is_dir() else root / dataset.get('split', 'train')


def parts_of(cfg: Config, loader: str) -> list[Any]:
    """The configs of a loader's data sets, alone or side by side in a ConcatTaskDataset."""
    dataset = (cfg.get(loader) or {}).get('dataset')
    return [] if dataset is None else list(dataset.get('datasets', [dataset]))


def _is_of(part: Mapping[str, Any], names: Sequence[str]) -> bool:
    return part.get('type') not in TASK_DATASET_TYPES or part['task']['name'] in names
