"""Measurements between the points of a landmark task."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from aurora_mm.errors import ConfigError
from aurora_mm.measurements.ellipse import Ellipse
from aurora_mm.measurements.measurement import Measurement
from aurora_mm.measurements.structure import Structure
from aurora_mm.registry import MEASUREMENTS
from aurora_mm.tasks import Task


class PointMeasurement(Measurement):
    """Measures between named points; the base class.

    Args:
        task: Whose predictions are measured; of a type that gives points.
        name: See :class:`Measurement`.
        points: Names of the points.
        count: How many there must be.

    Raises:
        ConfigError: If the task has no such points, or they are not so many.
    """

    task_types = ('landmark',)

    def __init__(self, task: Task, name: str, points: Sequence[str], count: int) -> None:
        super().__init__(task, name)
        if isinstance(points, str) or len(points) != count or len(set(points)) != count:
            raise ConfigError(f'measurement {name!r} of task {task.name!r} needs {count} points, not {points!r}')
        self.points = [self.label_of(point) for point in points]

    def chosen(self, structure: Structure) -> np.ndarray | None:
        """(count, 2) the points in mm, or None where one of them is missing."""
        if not len(structure.points):
            return None
        points = structure.to_mm(structure.points[self.points].astype(float))
        return None if np.isnan(points).any() else points


@MEASUREMENTS.register_module()
class Distance(PointMeasurement):
    """The distance of two points: the length of a cervix or a femur, a diameter of a head."""

    def __init__(self, task: Task, name: str, points: Sequence[str]) -> None:
        super().__init__(task, name, points, 2)

    def compute(self, structure: Structure) -> tuple[float, Sequence[np.ndarray]]:
        """See :meth:`Measurement.compute`."""
        ends = self.chosen(structure)
        return (math.nan, ()) if ends is None else (float(np.linalg.norm(ends[1] - ends[0])), (ends,))


@MEASUREMENTS.register_module()
class Angle(PointMeasurement):
    """The angle at the second of three points, 0 to 180 degrees."""

    dimension = 0

    def __init__(self, task: Task, name: str, points: Sequence[str]) -> None:
        super().__init__(task, name, points, 3)

    def compute(self, structure: Structure) -> tuple[float, Sequence[np.ndarray]]:
        """See :meth:`Measurement.compute`."""
        corners = self.chosen(structure)
        if corners is None:
            return math.nan, ()
        a, b = corners[0] - corners[1], corners[2] - corners[1]
        if not a.any() or not b.any():
            return math.nan, ()
        return abs(math.degrees(math.atan2(a[0] * b[1] - a[1] * b[0], a @ b))), (corners,)


@MEASUREMENTS.register_module()
class AxesCircumference(PointMeasurement):
    """The circumference of the ellipse with two given axes, as scanners compute it from BPD and OFD.

    Args:
        task: See :class:`PointMeasurement`.
        name: See :class:`Measurement`.
        points: The two ends of one axis, then those of the other.
    """

    def __init__(self, task: Task, name: str, points: Sequence[str]) -> None:
        super().__init__(task, name, points, 4)

    def compute(self, structure: Structure) -> tuple[float, Sequence[np.ndarray]]:
        """See :meth:`Measurement.compute`."""
        ends = self.chosen(structure)
        if ends is None:
            return math.nan, ()
        axes = ends[1] - ends[0], ends[3] - ends[2]
        long, short = sorted((float(np.linalg.norm(axis)) / 2 for axis in axes), reverse=True)
        if long == 0:
            return math.nan, ()
        longer = axes[0] if np.linalg.norm(axes[0]) >= np.linalg.norm(axes[1]) else axes[1]
        x, y = ends.mean(0)
        ellipse = Ellipse((float(x), float(y)), long, short, math.atan2(longer[1], longer[0]))
        return ellipse.circumference, (ellipse.outline(),)
