"""Measurements of the surest box of a class."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from aurora_mm.measurements.measurement import ClassMeasurement
from aurora_mm.measurements.structure import Structure
from aurora_mm.registry import MEASUREMENTS


class BoxMeasurement(ClassMeasurement):
    """Measures the box of the highest score of one class; the base class."""

    task_types = ('detection', 'multi_object_detection')

    def box(self, structure: Structure) -> np.ndarray | None:
        """(2, 2) the corners of the box in mm, or None."""
        boxes = structure.boxes[structure.box_labels == self.label]
        return structure.to_mm(boxes[0].reshape(2, 2).astype(float)) if len(boxes) else None

    def side(self, structure: Structure, axis: int) -> tuple[float, Sequence[np.ndarray]]:
        """The length along x (0) or y (1), with the line through the box's middle."""
        corners = self.box(structure)
        if corners is None:
            return math.nan, ()
        line = np.repeat(corners.mean(0, keepdims=True), 2, axis=0)
        line[:, axis] = corners[:, axis]
        return float(corners[1, axis] - corners[0, axis]), (line,)


@MEASUREMENTS.register_module()
class BoxWidth(BoxMeasurement):
    """The extent of a box along x."""

    def compute(self, structure: Structure) -> tuple[float, Sequence[np.ndarray]]:
        """See :meth:`Measurement.compute`."""
        return self.side(structure, axis=0)


@MEASUREMENTS.register_module()
class BoxHeight(BoxMeasurement):
    """The extent of a box along y."""

    def compute(self, structure: Structure) -> tuple[float, Sequence[np.ndarray]]:
        """See :meth:`Measurement.compute`."""
        return self.side(structure, axis=1)
