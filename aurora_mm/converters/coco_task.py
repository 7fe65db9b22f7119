"""Which task the COCO files of a folder hold: one file for each split, their categories joined by name."""

from __future__ import annotations

from aurora_mm.converters.coco_kinds import COCO_KINDS
from aurora_mm.datasets.coco_file import CocoFile
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.tasks import Task

TASK_KEY = 'aurora_mm_task'  # under `info`: the task's names, type and mirror rules


def task_of(coco: CocoFile, name: str | None, task_type: str | None) -> Task:
    """The task that a file holds.

    Args:
        coco: The file.
        name: Of the task, for a file that does not say.
        task_type: A type in :data:`COCO_KINDS`, for a file that does not say.

    Raises:
        ConfigError: If neither the file nor the arguments say which task it is, or they make no task.
        DataError: If the file has no category, or keypoints of none or of several.
    """
    try:
        if TASK_KEY in coco.info:
            return Task.from_config(coco.info[TASK_KEY])
        if name is None or task_type not in COCO_KINDS:
            raise ConfigError(f'it does not say which task it holds: give its name and type ({", ".join(COCO_KINDS)})')
        if not coco.categories:
            raise DataError('there is no category', file=coco.file)
        return COCO_KINDS[task_type].task_of(coco, name)
    except ConfigError as error:
        raise ConfigError(f'{coco.file}: {error}') from error


def check_categories(coco: CocoFile, task: Task, first: CocoFile) -> None:
    """Check that the categories (or keypoints) of a file are those of its task, whatever their ids and order.

    A file need not have all of a task's classes.

    Args:
        coco: The file.
        task: Its task.
        first: The file that the task was read from, for messages.

    Raises:
        DataError: If a name is none of the task's, naming both files.
    """
    if task.type not in COCO_KINDS:
        raise DataError(f'task {task.name!r} is of type {task.type!r}, which COCO cannot hold', file=coco.file)
    COCO_KINDS[task.type].check(coco, task, first)
