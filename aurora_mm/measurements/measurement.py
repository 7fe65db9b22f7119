from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aurora_mm.errors import ConfigError
from aurora_mm.measurements.structure import Structure
from aurora_mm.tasks import Task


@dataclass(frozen=True)
class Measured:
    """A length, an area or an angle that was taken from one image.

    Args:
        name: Of the measurement.
        value: In ``unit``; not a number where there is nothing to measure.
        unit: ``'mm'``, ``'mm2'`` or ``'deg'``; ``'px'`` and ``'px2'`` where the pixel spacing is unknown.
        lines: What was measured, for drawing: polylines (N, 2) of x, y in original pixels, continuous coordinates.
        spread: The least and the largest value over the views or models that the prediction is the mean of; None
            where there is one view alone, or a view in which there is nothing to measure.
        views: How many views or models there were.
    """

    name: str
    value: float
    unit: str
    lines: tuple[np.ndarray, ...] = ()
    spread: tuple[float, float] | None = None
    views: int = 1

    def __str__(self) -> str:
        if not math.isfinite(self.value):
            return f'{self.name} -'
        unit = self.unit.replace('2', '\N{SUPERSCRIPT TWO}').replace('deg', '\N{DEGREE SIGN}')
        between = '' if self.spread is None else f' ({self.spread[0]:.1f} to {self.spread[1]:.1f})'
        return f'{self.name} {self.value:.1f} {unit}{between}'


class Measurement(ABC):
    """A quantity that is taken from a prediction or an annotation of one image: the base class.

    A subclass states its formula and its source. Coordinates reach it in mm, so that pixels that are not square need
    no care; without a known pixel spacing they are pixels, and the unit says so.

    Args:
        task: Whose predictions are measured.
        name: Of the quantity in tables and pictures.

    Attributes:
        dimension: 1 for a length, 2 for an area, 0 for an angle.
        task_types: Names of the task types whose predictions it can measure.
        label: Index of the class that is measured; None where it is none alone, as between points.

    Raises:
        ConfigError: If the task is of another type, or an argument is wrong.
    """

    dimension: ClassVar[int] = 1
    task_types: ClassVar[tuple[str, ...]]
    label: int | None = None

    def __init__(self, task: Task, name: str) -> None:
        if not isinstance(name, str) or not name.isprintable() or not name.strip():
            raise ConfigError(f'a measurement of task {task.name!r} must have a name of one line, not {name!r}')
        if task.type not in self.task_types:
            raise ConfigError(
                f'measurement {name!r} is for tasks of type {" or ".join(self.task_types)}, but task {task.name!r} is '
                f'of type {task.type}'
            )
        self.task = task
        self.name = name

    @abstractmethod
    def compute(self, structure: Structure) -> tuple[float, Sequence[np.ndarray]]:
        """The quantity.

        Args:
            structure: What was found in the image.

        Returns:
            The value in mm, mm2 or degrees, not a number where there is nothing to measure; and the lines that show
            it, (N, 2) of x, y in the structure's own coordinates.
        """

    def __call__(self, structure: Structure) -> Measured:
        """Takes the measurement of one image."""
        value, lines = self.compute(structure)
        unit = 'deg' if self.dimension == 0 else ('mm' if structure.is_scaled else 'px') + '2' * (self.dimension == 2)
        shown = () if math.isnan(value) else tuple(structure.to_pixels(line) for line in lines)
        return Measured(self.name, float(value), unit, shown)

    def label_of(self, name: str) -> int:
        """The index of one of the task's outputs.

        Raises:
            ConfigError: If the task has no output of this name.
        """
        if name not in self.task.target_names:
            known = ', '.join(self.task.target_names)
            raise ConfigError(f'measurement {self.name!r} of task {self.task.name!r} names {name!r}; known are {known}')
        return self.task.output_names.index(name)


class ClassMeasurement(Measurement):
    """Measures one class that a task finds: the base class.

    Args:
        task: Whose predictions are measured.
        name: See :class:`Measurement`.
        label: Name of the class.

    Raises:
        ConfigError: If the task has no such class, or is of another type.
    """

    label: int

    def __init__(self, task: Task, name: str, label: str) -> None:
        super().__init__(task, name)
        self.label = self.label_of(label)
