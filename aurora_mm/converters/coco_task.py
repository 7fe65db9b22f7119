"""Determines the task of COCO files, and checks that the files of all splits agree."""

from __future__ import annotations

from aurora_mm.converters.coco_kinds import COCO_KINDS
from aurora_mm.datasets.coco_file import CocoFile
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.tasks import Task

TASK_KEY = 'aurora_mm_task'  # key of `info` with the config of the task


def task_of(coco: CocoFile, name: str | None, task_type: str | None) -> Task:
    """Return the task of a COCO file.

    Args:
        coco: Contents of the file.
        name: Name of the task, used if the file does not contain a task.
        task_type: A type in :data:`COCO_KINDS`, used if the file does not contain a task.

    Raises:
        ConfigError: If neither the file nor the arguments describe the task, or the description is not valid.
        DataError: If the file has no category; or for landmarks, not exactly one category or no keypoints.
    """
    try:
        if TASK_KEY in coco.info:
            return Task.from_config(coco.info[TASK_KEY])
        if name is None or task_type is None or task_type not in COCO_KINDS:
            raise ConfigError(f'it does not say which task it holds: give its name and type ({", ".join(COCO_KINDS)})')
        if not coco.categories:
            raise DataError('there is no category', file=coco.file)
        return COCO_KINDS[task_type].task_of(coco, name)
    except ConfigError as error:
        raise ConfigError(f'{coco.file}: {error}') from error


def check_categories(coco: CocoFile, task: Task, first: CocoFile) -> None:
    """Check that the categories or keypoints of a COCO file belong to its task, in any order.

    A file may lack classes of the task, but not keypoints.

    Args:
        coco: Contents of the file.
        task: Task of the file.
        first: The file that the task was read from, for the error message.

    Raises:
        DataError: If the file has another name, or COCO cannot represent the task. The message names both files.
    """
    if task.type not in COCO_KINDS:
        raise DataError(f'task {task.name!r} is of type {task.type!r}, which COCO cannot hold', file=coco.file)
    COCO_KINDS[task.type].check(coco, task, first)
