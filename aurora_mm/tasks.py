"""What a task is: the one description that data, model, evaluation and drawing all read."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from aurora_mm.errors import ConfigError
from aurora_mm.task_types import TASK_TYPES, TaskType, task_type_of_csv


@dataclass(frozen=True)
class Task:
    """One task: a question asked of an image.

    Args:
        name: The ``task_id`` of the CSV files. It also names modules of the model, so it holds no dot.
        type: Name of a :class:`~aurora_mm.task_types.TaskType`.
        classes: Class names in label order. Segmentation counts the background, as class 0; a detection task has
            no background class.
        points: Point names in column order, for a type whose outputs are points.
        flip: Whether a mirrored image (left for right) is still a true example. False where the answer depends on
            the side, as for fetal positions.
        swaps: Pairs of point names (or class names) that trade places when the image is mirrored.
    """

    name: str
    type: str
    classes: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    flip: bool = True
    swaps: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        for field in ('classes', 'points'):
            object.__setattr__(self, field, tuple(getattr(self, field)))
        object.__setattr__(self, 'swaps', tuple((a, b) for a, b in self.swaps))
        if not self.name or '.' in self.name:
            raise ConfigError(f"task name {self.name!r} must not be empty or hold a '.'")
        if self.type not in TASK_TYPES:
            raise ConfigError(
                f'task {self.name!r} has type {self.type!r}; known are {", ".join(TASK_TYPES)}. '
                'Is the module imported that registers the type?'
            )
        used = self.task_type.outputs
        unused = 'classes' if used == 'points' else 'points'
        if getattr(self, unused):
            raise ConfigError(f'task {self.name!r} is of type {self.type!r} and takes {used}, not {unused}')
        least = self.task_type.min_outputs
        if len(self.output_names) < least:
            raise ConfigError(f'{self.type} task {self.name!r} needs at least {least} {used}')
        if len(set(self.output_names)) != len(self.output_names):
            raise ConfigError(f'task {self.name!r} names one of its {used} twice: {self.output_names}')
        for pair in self.swaps:
            for name in pair:
                if name not in self.output_names:
                    raise ConfigError(f'task {self.name!r} swaps {name!r}, which is none of its {used}')

    @classmethod
    def from_csv(cls, task_id: str, task_name: str, num_classes: int) -> Task:
        """The task that a CSV row describes, its classes or points numbered for want of names.

        Raises:
            ConfigError: If ``task_name`` is no known type or the numbers make no task.
        """
        task_type = task_type_of_csv(task_name)
        if task_type.outputs == 'points':
            return cls(task_id, task_type.name, points=tuple(f'point_{i + 1}' for i in range(num_classes)))
        names = [f'class_{i}' for i in range(num_classes)]
        if task_type.has_background and names:
            names[0] = 'background'
        return cls(task_id, task_type.name, classes=tuple(names))

    @property
    def task_type(self) -> TaskType:
        """What the tasks of this type have in common."""
        return TASK_TYPES[self.type]

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of what is predicted: the points of a landmark task, the classes of any other."""
        return getattr(self, self.task_type.outputs)

    @property
    def target_names(self) -> tuple[str, ...]:
        """Names of what there is to find in an image: :attr:`output_names` without the background."""
        return self.output_names[self.task_type.has_background :]

    @property
    def num_outputs(self) -> int:
        """The ``num_classes`` of the CSV: classes (background counted in segmentation) or points."""
        return len(self.output_names)

    @property
    def flip_indices(self) -> list[int]:
        """``new[i] = old[flip_indices[i]]`` puts points (or classes) right after the image was mirrored."""
        order = list(range(self.num_outputs))
        for a, b in self.swaps:
            i, j = self.output_names.index(a), self.output_names.index(b)
            order[i], order[j] = order[j], order[i]
        return order

    def item_fields(self) -> dict[str, Any]:
        """What an item of a data set says of its task: all that transforms go by."""
        return dict(
            task=self.name,
            task_type=self.type,
            num_outputs=self.num_outputs,
            may_flip=self.flip,
            flip_indices=self.flip_indices,
        )

    def to_config(self) -> dict[str, Any]:
        """The task as a plain dict that a config file can hold; ``Task(**task.to_config()) == task``."""
        return {
            key: [list(v) if isinstance(v, tuple) else v for v in value] if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
            if value != ()
        }


class TaskTable(Mapping[str, Task]):
    """Tasks by name, in a fixed order.

    Args:
        tasks: Tasks, or the dicts that describe them in a config.

    Example:
        >>> table = TaskTable([dict(name='lung', type='segmentation', classes=['background', 'lung'])])
        >>> table['lung'].num_outputs
        2
    """

    def __init__(self, tasks: Iterable[Task | Mapping[str, Any]] = ()) -> None:
        self._tasks: dict[str, Task] = {}
        for item in tasks:
            task = item if isinstance(item, Task) else Task(**item)
            if task.name in self._tasks:
                raise ConfigError(f'task {task.name!r} is described twice')
            self._tasks[task.name] = task

    def __getitem__(self, name: str) -> Task:
        if name not in self._tasks:
            raise KeyError(f'no task {name!r} in this table; it holds {", ".join(self._tasks) or "none"}')
        return self._tasks[name]

    def __contains__(self, name: object) -> bool:
        return name in self._tasks

    def __iter__(self) -> Iterator[str]:
        return iter(self._tasks)

    def __len__(self) -> int:
        return len(self._tasks)

    def __repr__(self) -> str:
        return f'TaskTable({", ".join(f"{t.name}: {t.type} {t.num_outputs}" for t in self.values())})'

    def of_type(self, task_type: str) -> list[Task]:
        """The tasks of one type, in table order."""
        return [task for task in self.values() if task.type == task_type]

    def types(self) -> list[str]:
        """The names of the types that its tasks have, in their registered order."""
        return [name for name in TASK_TYPES if any(task.type == name for task in self.values())]

    def only(self, names: Container[str]) -> TaskTable:
        """The table of those tasks whose name is among ``names``."""
        return TaskTable(task for task in self.values() if task.name in names)

    def with_tasks(self, tasks: Iterable[Task]) -> TaskTable:
        """A table that also holds ``tasks``; one that is already known keeps its own names.

        Raises:
            ConfigError: If a known task comes with another type or number of outputs.
        """
        merged = dict(self._tasks)
        for task in tasks:
            known = merged.setdefault(task.name, task)
            if (known.type, known.num_outputs) != (task.type, task.num_outputs):
                raise ConfigError(
                    f'task {task.name!r} is {known.type} with {known.num_outputs} outputs in the task table, '
                    f'but {task.type} with {task.num_outputs} in the data'
                )
        return TaskTable(merged.values())

    def to_config(self) -> list[dict[str, Any]]:
        """The table as a list of plain dicts; ``TaskTable(table.to_config())`` equals it."""
        return [task.to_config() for task in self.values()]
