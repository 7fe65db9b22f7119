"""Phantoms of landmark tasks."""

from __future__ import annotations

import numpy as np

from aurora_mm.phantoms.canvas import Canvas, Look
from aurora_mm.phantoms.scene import Phantom, Scene
from aurora_mm.phantoms.shapes import bar, blob
from aurora_mm.tasks import Task

_BONE = Look(24, loss=12)
_RING = Look(-30, rim=20)
_HIGHEST, _DEEPEST = 0.15, 0.95  # range of depths of the structures, as fractions of the depth of the view


def point_groups(task: Task) -> list[tuple[int, ...]]:
    """Group the points of a task by the structures that show them.

    The ends of a bone are two points, the centre of a ring is one. Points that are exchanged when an image is flipped
    are the ends of a bone. If images of the task are never flipped, two successive other points are the ends of a bone
    too. Otherwise each of them is the centre of a ring, because left and right ends would be wrong in flipped images.

    Args:
        task: The task.

    Returns:
        Indices of points: pairs (left end, right end) and single ones (centre).
    """
    partners = task.flip_indices
    groups: list[tuple[int, ...]] = [(i, j) for i, j in enumerate(partners) if i < j]
    rest = [i for i, j in enumerate(partners) if i == j]
    step = 1 if task.flip else 2
    groups += [tuple(rest[k : k + step]) for k in range(0, len(rest), step)]
    return sorted(groups)


class LandmarkScene(Scene):
    """Draws bones, whose ends are points, and rings, whose centres are points, below each other.

    The order of the structures from the skin downwards is that of :func:`point_groups`, so a structure can be
    recognised by its depth, also in flipped images. Points are continuous pixels (x = 0 is the left edge of the image),
    rounded to 1/100.
    """

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.groups = point_groups(task)

    @property
    def folder(self) -> str:
        return 'Regression'

    def paint(self, canvas: Canvas, index: int) -> Phantom:
        points: dict[int, np.ndarray] = {}
        layer = (_DEEPEST - _HIGHEST) / len(self.groups)
        for i, group in enumerate(self.groups):
            top = _HIGHEST + i * layer
            draw = self._bone if len(group) == 2 else self._ring
            points.update(zip(group, draw(canvas, top + 0.12 * layer, top + 0.88 * layer), strict=True))
        rounded = [[round(float(c), 2) for c in points[i]] for i in range(self.task.num_outputs)]
        return Phantom(canvas.render(), {'points': rounded})

    def _bone(self, canvas: Canvas, top: float, bottom: float) -> list[np.ndarray]:
        """Draw a bone with a random slope between two depths (fractions), and return its left and right end."""
        rng, view = canvas.rng, canvas.view
        length = rng.uniform(0.4, 0.7)
        left = rng.uniform(0.06, 0.94 - length)
        depths = rng.uniform(top, bottom, 2)
        ends = [view.point(left, depths[0]), view.point(left + length, depths[1])]
        ends.sort(key=lambda end: float(end[0]))  # with spreading beams, the end on the left beam may be further right
        canvas.paint(bar(ends[0], ends[1], thickness=0.05 * view.scale), _BONE)
        return ends

    def _ring(self, canvas: Canvas, top: float, bottom: float) -> list[np.ndarray]:
        """Draw a ring between two depths (fractions), and return its centre."""
        rng, view = canvas.rng, canvas.view
        centre = view.point(rng.uniform(0.15, 0.85), rng.uniform(top, bottom))
        canvas.paint(blob(rng, centre, min(0.08, 0.5 * (bottom - top)) * view.scale), _RING)
        return [centre]
