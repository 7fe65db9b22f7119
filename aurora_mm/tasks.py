"""Tasks and task tables: the description of tasks that data sets, models, metrics and visualizers read."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from aurora_mm.errors import ConfigError
from aurora_mm.task_fields import (
    MOST_CHARACTERS,
    codes_of,
    configs_of,
    is_angle,
    names_of,
    ordered_pairs_of,
    pairs_of,
    weights_of,
)
from aurora_mm.task_names import check_task_name, folded, nearest_first
from aurora_mm.task_types import OUTPUTS, TASK_TYPES, TaskType, task_type_of_csv


@dataclass(frozen=True)
class Task:
    """Description of a task, which is one question about an image.

    Args:
        name: The ``task_id`` of the CSV files, 1 to 100 characters: letters a-z and A-Z, digits, ``_`` and ``-``,
            starting with a letter or a digit. Modules, metrics, files and folders are named after the task, so the
            names of task types and of attributes of torch's ``ModuleDict`` (``type``, ``train``, ``keys``, ...) are
            not allowed.
        type: Name of a :class:`~aurora_mm.task_types.TaskType`, which limits the number of outputs.
        classes: Class names in the order of their labels, each one line of text. In segmentation the background is
            counted, as class 0. In detection it is not.
        points: Point names in the order of the CSV columns, for a task type whose outputs are points.
        values: Name of the number that the task predicts, for a task type whose outputs are values.
        unit: Unit of the values, such as ``'weeks'``.
        flip: Whether an image may be flipped horizontally for augmentation. Set False if the correct answer depends
            on left and right, as for fetal positions.
        zoom: Whether an image may be enlarged or shrunk for augmentation. Set False if the correct answer depends on
            the size of something in the image, as a length does.
        rotation: Largest rotation for augmentation, in degrees, if it is another than that of the transform: a small
            one if the answer depends on what is up, 180 if it may lie at any angle.
        swaps: Pairs of point names, or of class names, that are exchanged when the image is flipped horizontally.
        ordered: Pairs of points that are named after their places, as ``('x', 'left', 'right')`` or
            ``('y', 'top', 'bottom')``: the first of the two has the smaller x, or y. Where augmentation changes that,
            the two trade places.
        class_weight: Weight of each class in the losses of the task's head, the background counted in segmentation;
            all equal by default. Weights are not scaled to any sum. Heads of classification and segmentation read them.
        measurements: Configs of the lengths, areas and angles to compute from a prediction, see
            :mod:`aurora_mm.measurements`.
        codes: DICOM codes by the name of a class, a point, a measurement or the task, where others than the default
            ones are meant: ``[value, scheme, meaning]``, or ``dict(type=..., category=...)`` of two such lists for a
            class with another category than its default. See docs/dicom.md.

    Raises:
        ConfigError: If an argument is not valid. The message names the task and the value.
    """

    name: str
    type: str
    classes: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    unit: str = ''
    flip: bool = True
    zoom: bool = True
    rotation: float | None = None
    swaps: tuple[tuple[str, str], ...] = ()
    ordered: tuple[tuple[str, str, str], ...] = ()
    class_weight: tuple[float, ...] = ()
    measurements: tuple[dict[str, Any], ...] = field(default=(), hash=False)
    codes: dict[str, dict[str, list[str]]] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        check_task_name(self.name)
        if not isinstance(self.type, str) or self.type not in TASK_TYPES:
            raise ConfigError(
                f'task {self.name!r} has type {self.type!r}; known are {", ".join(TASK_TYPES)}. '
                'Is the module imported that registers the type?'
            )
        for key in OUTPUTS:
            object.__setattr__(self, key, names_of(self.name, key, getattr(self, key)))
        object.__setattr__(self, 'swaps', pairs_of(self.name, self.swaps))
        object.__setattr__(self, 'ordered', ordered_pairs_of(self.name, self.ordered))
        object.__setattr__(self, 'measurements', configs_of(self.name, self.measurements))
        object.__setattr__(self, 'codes', codes_of(self.name, self.codes))
        for key in ('flip', 'zoom'):
            if not isinstance(getattr(self, key), bool):
                raise ConfigError(f'task {self.name!r}: {key} must be True or False, not {getattr(self, key)!r}')
        if self.rotation is not None and not is_angle(self.rotation):
            raise ConfigError(f'task {self.name!r}: rotation must be 0 to 180 degrees, not {self.rotation!r}')
        used = self.task_type.outputs
        for unused in OUTPUTS:
            if unused != used and getattr(self, unused):
                raise ConfigError(f'task {self.name!r} is of type {self.type!r} and takes {used}, not {unused}')
        if not isinstance(self.unit, str) or not self.unit.isprintable() or len(self.unit) > MOST_CHARACTERS:
            raise ConfigError(f'task {self.name!r}: unit must be short text without line breaks, not {self.unit!r}')
        if self.unit and used != 'values':
            raise ConfigError(f'task {self.name!r} is of type {self.type!r}, whose {used} have no unit')
        self.task_type.check_count(self.name, len(self.output_names))
        object.__setattr__(self, 'class_weight', weights_of(self.name, self.class_weight, self.classes))
        if len(set(self.output_names)) != len(self.output_names):
            raise ConfigError(f'task {self.name!r} names one of its {used} twice: {self.output_names}')
        swapped = [name for pair in self.swaps for name in pair]
        for name in swapped:
            if name not in self.output_names:
                raise ConfigError(f'task {self.name!r} swaps {name!r}, which is none of its {used}')
            if swapped.count(name) > 1:
                raise ConfigError(f'task {self.name!r} swaps {name!r} more than once: {self.swaps}')
        for name in [name for _, *pair in self.ordered for name in pair]:
            if name not in self.points:
                raise ConfigError(f'task {self.name!r} orders {name!r}, which is none of its points')

    @classmethod
    def from_config(cls, config: Task | Mapping[str, Any]) -> Task:
        """Create a task from a dict of a config or of a JSON file, the inverse of :meth:`to_config`.

        Args:
            config: The arguments of :class:`Task`. A task is returned as it is. ``_scope_``, which MMEngine adds to
                every dict with a ``type`` that a config inherits from ``aurora_mm::``, is ignored.

        Raises:
            ConfigError: If ``config`` is not a dict, has an unknown field, lacks ``name`` or ``type``, or a value is
                not valid.
        """
        if isinstance(config, Task):
            return config
        known = [known_field.name for known_field in fields(cls)]
        if not isinstance(config, Mapping):
            raise ConfigError(f'a task is described by a dict of {", ".join(known)}, not by {config!r}')
        config = {key: value for key, value in config.items() if key != '_scope_'}
        if unknown := [key for key in config if key not in known]:
            raise ConfigError(f'task {config.get("name")!r} has fields {unknown}; known are {", ".join(known)}')
        if missing := [key for key in ('name', 'type') if key not in config]:
            raise ConfigError(f'a task has no {" and no ".join(missing)}: {dict(config)}')
        return cls(**config)

    @classmethod
    def from_csv(cls, task_id: str, task_name: str, num_classes: int) -> Task:
        """Create a task from the cells of a CSV row, with numbered names such as ``class_1`` or ``point_1``.

        Args:
            task_id: Name of the task.
            task_name: Name of the task type as CSV files spell it, in upper or lower case.
            num_classes: Number of outputs: classes, with the background counted in segmentation, or points.

        Raises:
            ConfigError: If the task type is unknown, or the name or the number is not valid.
        """
        check_task_name(task_id)
        task_type = task_type_of_csv(task_name)
        task_type.check_count(task_id, num_classes)
        if task_type.outputs == 'points':
            return cls(task_id, task_type.name, points=tuple(f'point_{i + 1}' for i in range(num_classes)))
        if task_type.outputs == 'values':
            return cls(task_id, task_type.name, values=('value',))
        names = [f'class_{i}' for i in range(num_classes)]
        if task_type.has_background:
            names[0] = 'background'
        return cls(task_id, task_type.name, classes=tuple(names))

    @property
    def task_type(self) -> TaskType:
        """The properties that all tasks of this type share."""
        return TASK_TYPES[self.type]

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs: the points, the values or the classes of the task."""
        names: tuple[str, ...] = getattr(self, self.task_type.outputs)
        return names

    @property
    def target_names(self) -> tuple[str, ...]:
        """Names of the targets: :attr:`output_names` without the background."""
        return self.output_names[self.task_type.has_background :]

    @property
    def num_outputs(self) -> int:
        """Number of classes (background counted in segmentation), points or values; ``num_classes`` of CSV files."""
        return len(self.output_names)

    @property
    def flip_indices(self) -> list[int]:
        """Permutation of outputs for a mirrored image: output i is output ``flip_indices[i]`` of the original."""
        order = list(range(self.num_outputs))
        for a, b in self.swaps:
            i, j = self.output_names.index(a), self.output_names.index(b)
            order[i], order[j] = order[j], order[i]
        return order

    def item_fields(self) -> dict[str, Any]:
        """Return the fields of the task that each item of a data set contains, for the transforms."""
        return dict(
            task=self.name,
            task_type=self.type,
            num_outputs=self.num_outputs,
            may_flip=self.flip,
            may_zoom=self.zoom,
            max_rotation=self.rotation,
            flip_indices=self.flip_indices,
            point_order=[('xy'.index(axis), *map(self.points.index, pair)) for axis, *pair in self.ordered],
        )

    def to_config(self) -> dict[str, Any]:
        """Return the task as a dict for a config file; ``Task(**task.to_config()) == task``."""
        return {
            key: [list(v) if isinstance(v, tuple) else v for v in value] if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
            if value not in ((), '', None, {})
        }


class TaskTable(Mapping[str, Task]):
    """Tasks by name, in a fixed order.

    Args:
        tasks: Tasks, or dicts with the arguments of :class:`Task`.

    Raises:
        ConfigError: If a dict is not valid, see :meth:`Task.from_config`; or if two tasks have the same name, or names
            that differ only in upper and lower case, ``_`` and ``-``.

    Example:
        >>> table = TaskTable([dict(name='lung', type='segmentation', classes=['background', 'lung'])])
        >>> table['lung'].num_outputs
        2
    """

    def __init__(self, tasks: Iterable[Task | Mapping[str, Any]] = ()) -> None:
        self._tasks: dict[str, Task] = {}
        alike: dict[str, str] = {}
        for task in map(Task.from_config, tasks):
            if task.name in self._tasks:
                raise ConfigError(f'task {task.name!r} is described twice')
            if (other := alike.setdefault(folded(task.name), task.name)) != task.name:
                raise ConfigError(
                    f"tasks {other!r} and {task.name!r} differ only in capitals, '_' and '-': give both one spelling, "
                    'or names that differ more'
                )
            self._tasks[task.name] = task

    def __getitem__(self, name: str) -> Task:
        if name not in self._tasks:
            raise KeyError(f'no task {name!r} in this table; it holds {", ".join(self.nearest(name)) or "none"}')
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
        """Return the tasks of one task type, in the order of the table."""
        return [task for task in self.values() if task.type == task_type]

    def types(self) -> list[str]:
        """Return the names of the task types in the table, in the order of their registration."""
        return [name for name in TASK_TYPES if any(task.type == name for task in self.values())]

    def only(self, names: Container[str]) -> TaskTable:
        """Return a table of the tasks whose names are in ``names``."""
        return TaskTable(task for task in self.values() if task.name in names)

    def nearest(self, name: str) -> list[str]:
        """Return the names of all tasks, sorted by how similar they are to ``name``, the most similar first."""
        return nearest_first(name, self)

    def with_tasks(self, tasks: Iterable[Task]) -> TaskTable:
        """Return a table with further tasks added.

        Args:
            tasks: Tasks to add. A task that the table already contains keeps the class and point names of the table.

        Raises:
            ConfigError: If a task of the table is given with another type or number of outputs, or if two names differ
                only in upper and lower case, ``_`` and ``-``.
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
        """Return the table as a list of dicts for a config; ``TaskTable(table.to_config()) == table``."""
        return [task.to_config() for task in self.values()]
