"""Which task the COCO files of a folder hold: one file for each split, their categories joined by name."""

from __future__ import annotations

from aurora_mm.datasets.coco_file import CocoFile
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.tasks import Task

TASK_KEY = 'aurora_mm_task'  # under `info`: the task's names, type and mirror rules
TYPES = ('segmentation', 'detection', 'landmark')


def task_of(coco: CocoFile, name: str | None, task_type: str | None) -> Task:
    """The task that a file holds.

    Args:
        coco: The file.
        name: Of the task, for a file that does not say.
        task_type: One of :data:`TYPES`, for a file that does not say.

    Raises:
        ConfigError: If neither the file nor the arguments say which task it is, or they make no task.
        DataError: If the file has no category, or keypoints of none or of several.
    """
    try:
        if TASK_KEY in coco.info:
            return Task.from_config(coco.info[TASK_KEY])
        if name is None or task_type not in TYPES:
            raise ConfigError(f'it does not say which task it holds: give its name and type ({", ".join(TYPES)})')
        names = tuple(coco.categories)
        if not names:
            raise DataError('there is no category', file=coco.file)
        if task_type == 'landmark':
            return Task(name, task_type, points=_only_category(coco, task_type).keypoints)
        return Task(name, task_type, classes=('background', *names) if task_type == 'segmentation' else names)
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
    if task.type not in TYPES:
        raise DataError(f'task {task.name!r} is of type {task.type!r}, which COCO cannot hold', file=coco.file)
    if task.type == 'landmark':
        kind, names, known = 'keypoints', _only_category(coco, task.type).keypoints, task.points
    else:
        kind, names = 'categories', tuple(coco.categories)
        known = task.classes[1:] if task.type == 'segmentation' else task.classes
    unknown = [name for name in names if name not in known]
    missing = [name for name in known if name not in names] if task.type == 'landmark' else []
    if unknown or missing:
        raise DataError(
            f'{kind} are {", ".join(names)}, but those of task {task.name!r} are {", ".join(known)} '
            f'by {first.file}: {", ".join(unknown or missing)} stands in one of the two alone',
            file=coco.file,
        )


def _only_category(coco: CocoFile, task_type: str):
    if len(coco.categories) != 1:
        raise DataError(
            f'{len(coco.categories)} categories ({", ".join(coco.categories) or "none"}); a {task_type} task has one',
            file=coco.file,
        )
    category = next(iter(coco.categories.values()))
    if task_type == 'landmark' and not category.keypoints:
        raise DataError(f'category {category.name!r} names no keypoints', file=coco.file)
    return category
