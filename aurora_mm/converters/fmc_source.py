"""Reads the splits and rows of a data root for the converters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.progress import track

from aurora_mm.data_root import DataRoot
from aurora_mm.datasets.fmc_uia_dataset import FMCUIADataset
from aurora_mm.datasets.transforms import LoadTaskAnnotations, LoadUltrasoundImage
from aurora_mm.tasks import Task

_LOAD = (LoadUltrasoundImage(), LoadTaskAnnotations())


def read_splits(
    data_root: str | Path,
    tasks: Sequence[Task | dict[str, Any]],
    include: Sequence[str] | None,
    whole: Sequence[str] = ('train', 'val'),
) -> dict[str, FMCUIADataset]:
    """Read each split of a data root, from the folders train, val and test, or by splitting it like in training.

    Args:
        data_root: See :class:`FMCUIADataset`.
        tasks: Known tasks.
        include: Names of the tasks to keep. None for all.
        whole: The splits to read if the data root itself contains ``csv_files``.

    Returns:
        The data set of each split.

    Raises:
        DataError: If there is no data, it is not valid, or a folder with another name contains ``csv_files``.
    """
    root = DataRoot.find(data_root)
    splits = list(root.folders()) if root.sides else whole
    return {
        split: FMCUIADataset(str(data_root), split, tasks=tasks, include=include, serialize_data=False)
        for split in splits
    }


def labelled_rows(datasets: dict[str, FMCUIADataset], task: Task, title: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Load the images and annotations of a task's rows, with a progress bar.

    Args:
        datasets: The data set of each split.
        task: The task.
        title: Title of the progress bar.

    Yields:
        The split, and the item of the data set with the keys that ``LoadTaskAnnotations`` adds, in original
        coordinates.

    Raises:
        DataError: If an image or an annotation is not valid.
    """
    found = [
        (split, dataset.get_data_info(int(index)))
        for split, dataset in datasets.items()
        for index in dataset.indices_by_task().get(task.name, ())
    ]
    for split, row in track(found, f'{title}: {task.name}'):
        for step in _LOAD:
            row = step.transform(row)
        yield split, row
