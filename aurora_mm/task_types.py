"""The kinds of task there are, and a table of parts by kind; another package adds its own kinds here."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from aurora_mm.errors import ConfigError

T = TypeVar('T')


@dataclass(frozen=True)
class TaskType:
    """A kind of task: what all tasks of this type have in common.

    Args:
        name: As configs, heads and metrics spell it.
        metric: Registered name of the metric that judges tasks of this type unless a config names another one.
        outputs: The field of :class:`aurora_mm.tasks.Task` that names what is predicted, ``'classes'`` or
            ``'points'``.
        min_outputs: The fewest classes or points that a task needs.
        max_outputs: The most that it may have.
        has_background: Whether class 0 is the background, which is neither scored nor drawn.
        csv_name: How the column ``task_name`` of the CSV files spells the type, in any case; ``name`` by default.
    """

    name: str
    metric: str
    outputs: str = 'classes'
    min_outputs: int = 1
    max_outputs: int = 10_000
    has_background: bool = False
    csv_name: str = ''

    def __post_init__(self) -> None:
        if self.outputs not in ('classes', 'points'):
            raise ConfigError(f"task type {self.name!r}: outputs are 'classes' or 'points', not {self.outputs!r}")
        object.__setattr__(self, 'csv_name', self.csv_name or self.name)

    def check_count(self, task: str, count: int) -> None:
        """Check a number of classes or points.

        Args:
            task: Name of the task, for the message.
            count: Of its classes or points.

        Raises:
            ConfigError: If a task of this type cannot have as many.
        """
        if not self.min_outputs <= count <= self.max_outputs:
            raise ConfigError(
                f'{self.name} task {task!r} needs {self.min_outputs} to {self.max_outputs:,} {self.outputs}, not '
                f'{count if count < 10**12 else "far more"}'
            )


TASK_TYPES: dict[str, TaskType] = {}
"""All types by name, in the order in which tables list them."""


def register_task_type(task_type: TaskType) -> TaskType:
    """Makes a type of task known; to register the same one again changes nothing.

    Raises:
        ConfigError: If another type has this name, or this spelling in CSV files.

    Example:
        >>> AGE = register_task_type(TaskType('age', metric='AgeMetric'))
    """
    for known in TASK_TYPES.values():
        same = known.name == task_type.name or known.csv_name.lower() == task_type.csv_name.lower()
        if same and known != task_type:
            raise ConfigError(f'task type {task_type} clashes with {known}')
    return TASK_TYPES.setdefault(task_type.name, task_type)


def task_type_of_csv(task_name: str) -> TaskType:
    """The type that a ``task_name`` of a CSV file spells.

    Raises:
        ConfigError: If it spells none; the known spellings are listed.
    """
    spelling = task_name.strip().lower()
    for task_type in TASK_TYPES.values():
        if spelling in (task_type.csv_name.lower(), task_type.name):
            return task_type
    known = dict.fromkeys(name for t in TASK_TYPES.values() for name in (t.name, t.csv_name.lower()))
    raise ConfigError(f'task_name {task_name!r} is none of {", ".join(known)}')


class ByTaskType(dict[str, T]):
    """Parts that differ by task type, such as drawers, under the type's name.

    Looking up a type without a part raises a ConfigError that says so; ``in`` and ``get`` ask whether there is one.

    Args:
        what: What a part is, for the message.
        location: Module that registers this package's own parts, imported at the first look-up of a type that is not
            there; as the ``locations`` of MMEngine's registries.

    Example:
        >>> DRAWERS = ByTaskType('drawer')
        >>> @DRAWERS.register('age')
        ... class AgeDrawer: ...
        >>> DRAWERS['age']
        <class 'AgeDrawer'>
    """

    def __init__(self, what: str, location: str = '') -> None:
        super().__init__()
        self.what = what
        self._location = location

    def register(self, task_type: str) -> Callable[[T], T]:
        """Decorate the part of a type; it replaces one that was there."""

        def add(part: T) -> T:
            self[task_type] = part
            return part

        return add

    def __missing__(self, task_type: str) -> T:
        if self._location:
            location, self._location = self._location, ''
            importlib.import_module(location)
            return self[task_type]
        raise ConfigError(f'there is no {self.what} for tasks of type {task_type!r}, only for {", ".join(self)}')


# Masks are 8-bit, so they tell 256 classes apart.
register_task_type(TaskType('segmentation', 'SegmentationMetric', min_outputs=2, max_outputs=256, has_background=True))
register_task_type(TaskType('classification', 'ClassificationMetric', min_outputs=2))
register_task_type(TaskType('detection', 'BoxIoUMetric'))
register_task_type(TaskType('landmark', 'LandmarkMetric', outputs='points', csv_name='Regression'))
