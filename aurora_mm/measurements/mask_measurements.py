"""Measurements of one class of a mask."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from aurora_mm.errors import ConfigError
from aurora_mm.measurements.ellipse import Ellipse, fit_ellipse
from aurora_mm.measurements.measurement import ClassMeasurement
from aurora_mm.measurements.structure import Structure
from aurora_mm.registry import MEASUREMENTS
from aurora_mm.tasks import Task

_NOTHING: tuple[float, Sequence[np.ndarray]] = (math.nan, ())


class MaskMeasurement(ClassMeasurement):
    """Measures the largest connected part of one class of a mask; the base class."""

    task_types = ('segmentation', 'multi_label_segmentation')


@MEASUREMENTS.register_module()
class Area(MaskMeasurement):
    """The area of all pixels of a class: their number times the area of a pixel. 0 where there is none."""

    dimension = 2

    def compute(self, structure: Structure) -> tuple[float, Sequence[np.ndarray]]:
        """See :meth:`Measurement.compute`."""
        pixels = structure.pixels_of(self.label)
        return _NOTHING if pixels is None else (float(pixels.sum() * structure.pixel.prod()), ())


class EllipseMeasurement(MaskMeasurement):
    """Measures the ellipse that fits a structure's outline; the base class.

    The outline runs along the edges between pixels. Where the picture cuts the structure off, the outline is not the
    structure's own: those parts are left out of the fit as long as half of the outline remains.

    Args:
        task: See :class:`MaskMeasurement`.
        name: See :class:`Measurement`.
        label: Name of the class.
        border: By how many pixels masks reach beyond the outline that counts. A mask that was filled from a drawn
            outline holds half of the line's width more than the structure.
    """

    def __init__(self, task: Task, name: str, label: str, border: float = 0.0) -> None:
        super().__init__(task, name, label)
        if isinstance(border, bool) or not isinstance(border, int | float) or not 0 <= border < math.inf:
            raise ConfigError(f'measurement {name!r}: border must be a number of pixels, 0 or more, not {border!r}')
        self.border = border

    def fit(self, structure: Structure) -> Ellipse | None:
        """The ellipse in mm, or None where there is no structure that has one."""
        outline = structure.outline(self.label)
        inside = structure.with_points_inside(outline)
        found = fit_ellipse(inside if 2 * len(inside) >= len(outline) else outline)
        if found is None:
            return None
        border = self.border * math.sqrt(structure.pixel.prod())
        if found.short <= border:
            return None
        return found._replace(long=found.long - border, short=found.short - border)


@MEASUREMENTS.register_module()
class Circumference(EllipseMeasurement):
    """The circumference of the fitted ellipse: of a fetal head in its standard plane, the head circumference (HC).

    van den Heuvel et al., Automated measurement of fetal head circumference using 2D ultrasound images (2018), measure
    it so, and give the circumference of an ellipse that an expert drew.
    """

    def compute(self, structure: Structure) -> tuple[float, Sequence[np.ndarray]]:
        """See :meth:`Measurement.compute`."""
        ellipse = self.fit(structure)
        return _NOTHING if ellipse is None else (ellipse.circumference, (ellipse.outline(),))


@MEASUREMENTS.register_module()
class LongAxis(EllipseMeasurement):
    """The long axis of the fitted ellipse: of a fetal head, the occipitofrontal diameter (OFD), outer to outer."""

    def compute(self, structure: Structure) -> tuple[float, Sequence[np.ndarray]]:
        """See :meth:`Measurement.compute`."""
        ellipse = self.fit(structure)
        return _NOTHING if ellipse is None else (2 * ellipse.long, (ellipse.axis(is_long=True),))


@MEASUREMENTS.register_module()
class ShortAxis(EllipseMeasurement):
    """The short axis of the fitted ellipse: of a fetal head, the biparietal diameter (BPD), outer to outer."""

    def compute(self, structure: Structure) -> tuple[float, Sequence[np.ndarray]]:
        """See :meth:`Measurement.compute`."""
        ellipse = self.fit(structure)
        return _NOTHING if ellipse is None else (2 * ellipse.short, (ellipse.axis(is_long=False),))


@MEASUREMENTS.register_module()
class LargestDiameter(MaskMeasurement):
    """The longest straight line between two points of a structure's outline, as the length of a lesion is taken."""

    def compute(self, structure: Structure) -> tuple[float, Sequence[np.ndarray]]:
        """See :meth:`Measurement.compute`."""
        ends = longest_line(structure.outline(self.label))
        return _NOTHING if ends is None else (float(np.linalg.norm(ends[1] - ends[0])), (ends,))


@MEASUREMENTS.register_module()
class PerpendicularDiameter(MaskMeasurement):
    """The extent of a structure at a right angle to its :class:`LargestDiameter`, as the width of a lesion is taken."""

    def compute(self, structure: Structure) -> tuple[float, Sequence[np.ndarray]]:
        """See :meth:`Measurement.compute`."""
        outline = structure.outline(self.label)
        ends = longest_line(outline)
        if ends is None:
            return _NOTHING
        along = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
        across = np.array([-along[1], along[0]])
        sides = outline @ across
        least, most = float(sides.min()), float(sides.max())
        middle = ends.mean(0) @ along * along
        return most - least, (np.stack([middle + least * across, middle + most * across]),)


@MEASUREMENTS.register_module()
class AngleOfProgression(MaskMeasurement):
    """The angle of progression of a fetal head in a transperineal image.

    It is the angle between the long axis of the pubic symphysis and the tangent from the symphysis's lower end to the
    leading edge of the head, both seen from that end (Barbera et al., A new method to assess fetal head descent in
    labor with transperineal ultrasound, 2009; ISUOG Practice Guidelines: intrapartum ultrasound, 2018). The long axis
    is that of the ellipse that fits the symphysis; its lower end is the one nearer to the head's centre.

    Args:
        task: See :class:`MaskMeasurement`.
        name: See :class:`Measurement`.
        symphysis: Name of the class of the pubic symphysis.
        head: Name of the class of the fetal head.
    """

    dimension = 0

    def __init__(self, task: Task, name: str, symphysis: str, head: str) -> None:
        super().__init__(task, name, symphysis)
        self.head = self.label_of(head)

    def compute(self, structure: Structure) -> tuple[float, Sequence[np.ndarray]]:
        """See :meth:`Measurement.compute`."""
        symphysis = fit_ellipse(structure.outline(self.label))
        head = structure.outline(self.head)
        if symphysis is None or len(head) == 0:
            return _NOTHING
        ends = symphysis.axis(is_long=True)
        lower, upper = sorted(ends, key=lambda end: float(np.linalg.norm(end - head.mean(0))))
        axis, rays = upper - lower, head - lower
        # Turning from the axis towards the head, the tangent is the last ray that touches it.
        turns = np.arctan2(axis[0] * rays[:, 1] - axis[1] * rays[:, 0], rays @ axis)
        centre = head.mean(0) - lower
        side = np.sign(axis[0] * centre[1] - axis[1] * centre[0]) or 1.0
        turned = (side * turns) % (2 * math.pi)
        turned[turned > 1.5 * math.pi] -= 2 * math.pi
        last = int(np.argmax(turned))
        return math.degrees(float(turned[last])), (np.stack([upper, lower, head[last]]),)


def longest_line(points: np.ndarray) -> np.ndarray | None:
    """(2, 2) the two of (N, 2) points that lie farthest apart; None where there are no two."""
    if len(points) < 2:
        return None
    corners = cv2.convexHull(points.astype(np.float32))[:, 0].astype(np.float64)
    distances = np.linalg.norm(corners[:, None] - corners[None], axis=2)
    first, second = np.unravel_index(int(np.argmax(distances)), distances.shape)
    return corners[[first, second]]
