"""Task types and a dict of classes by task type. Other packages can register further task types."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from aurora_mm.errors import ConfigError

T = TypeVar('T')

OUTPUTS = ('classes', 'points', 'values')


@dataclass(frozen=True)
class TaskType:
    """Properties that all tasks of one type share.

    Args:
        name: Name of the type in configs, heads and metrics.
        metric: Registered name of the default metric for tasks of this type.
        outputs: Field of :class:`aurora_mm.tasks.Task` with the names of the outputs: ``'classes'``, ``'points'`` or
            ``'values'``.
        min_outputs: Smallest number of outputs of a task, the background counted.
        max_outputs: Largest number of outputs of a task, the background counted.
        has_background: Whether class 0 is the background, which is neither scored nor drawn.
        csv_name: Name of the type in the column ``task_name`` of CSV files, where upper and lower case are equal. By
            default the same as ``name``.

    Raises:
        ConfigError: If ``outputs`` is none of :data:`OUTPUTS`.
    """

    name: str
    metric: str
    outputs: str = 'classes'
    min_outputs: int = 1
    max_outputs: int = 10_000
    has_background: bool = False
    csv_name: str = ''

    def __post_init__(self) -> None:
        if self.outputs not in OUTPUTS:
            raise ConfigError(f'task type {self.name!r}: outputs are {" or ".join(OUTPUTS)}, not {self.outputs!r}')
        object.__setattr__(self, 'csv_name', self.csv_name or self.name)

    def check_count(self, task: str, count: int) -> None:
        """Check the number of outputs of a task.

        Args:
            task: Name of the task, for the error message.
            count: Number of outputs, the background counted.

        Raises:
            ConfigError: If the number is below ``min_outputs`` or above ``max_outputs``.
        """
        if not self.min_outputs <= count <= self.max_outputs:
            raise ConfigError(
                f'{self.name} task {task!r} needs {self.min_outputs} to {self.max_outputs:,} {self.outputs}, not '
                f'{count if count < 10**12 else "far more"}'
            )


TASK_TYPES: dict[str, TaskType] = {}
"""All registered task types by name, in the order in which tables list them."""


def register_task_type(task_type: TaskType) -> TaskType:
    """Register a task type. Registering an equal task type again has no effect.

    Args:
        task_type: The task type to register.

    Returns:
        The registered task type.

    Raises:
        ConfigError: If a different task type has the same ``name`` or the same ``csv_name``.

    Example:
        >>> AGE = register_task_type(TaskType('age', metric='AgeMetric'))
    """
    for known in TASK_TYPES.values():
        same = known.name == task_type.name or known.csv_name.lower() == task_type.csv_name.lower()
        if same and known != task_type:
            raise ConfigError(f'task type {task_type} clashes with {known}')
    return TASK_TYPES.setdefault(task_type.name, task_type)


def task_type_of_csv(task_name: str) -> TaskType:
    """Find a task type by its name in CSV files.

    Args:
        task_name: Cell of the column ``task_name``. Upper and lower case and surrounding spaces do not matter.

    Raises:
        ConfigError: If there is no such task type. The message lists the known names.
    """
    spelling = task_name.strip().lower()
    for task_type in TASK_TYPES.values():
        if spelling in (task_type.csv_name.lower(), task_type.name):
            return task_type
    known = dict.fromkeys(name for t in TASK_TYPES.values() for name in (t.name, t.csv_name.lower()))
    raise ConfigError(f'task_name {task_name!r} is none of {", ".join(known)}')


class ByTaskType(dict[str, T]):
    """Dict of objects by the name of their task type, such as the class that draws tasks of each type.

    Looking up a task type without an entry raises a ConfigError. Use ``in`` or ``get`` to test for one.

    Args:
        what: What the values are, for the error message.
        location: Module that registers the values of this package. It is imported when a task type is not found for
            the first time, like the ``locations`` of MMEngine's registries.

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
        """Return a decorator that registers a class or function for a task type, replacing an earlier one."""

        def add(value: T) -> T:
            self[task_type] = value
            return value

        return add

    def __missing__(self, task_type: str) -> T:
        if self._location:
            location, self._location = self._location, ''
            importlib.import_module(location)
            return self[task_type]
        raise ConfigError(f'there is no {self.what} for tasks of type {task_type!r}, only for {", ".join(self)}')


# Masks are 8-bit, and 255 is the value of pixels that do not count (aurora_mm.structures.IGNORED).
register_task_type(TaskType('segmentation', 'SegmentationMetric', min_outputs=2, max_outputs=255, has_background=True))
register_task_type(TaskType('classification', 'ClassificationMetric', min_outputs=2))
register_task_type(TaskType('detection', 'BoxIoUMetric'))
register_task_type(TaskType('landmark', 'LandmarkMetric', outputs='points', csv_name='Regression'))
register_task_type(TaskType('multi_object_detection', 'BoxAPMetric'))
register_task_type(TaskType('scalar_regression', 'RegressionMetric', outputs='values', max_outputs=1))
register_task_type(TaskType('multi_label_classification', 'MultiLabelMetric'))
# A value of 16 bits tells 16 classes apart where each has a bit.
register_task_type(TaskType('multi_label_segmentation', 'MultiLabelSegmentationMetric', max_outputs=16))
