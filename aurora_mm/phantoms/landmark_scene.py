"""Bones and rings whose ends and centres are the points to find."""

from __future__ import annotations

import numpy as np

from aurora_mm.phantoms.canvas import Canvas, Look
from aurora_mm.phantoms.scene import Phantom, Scene
from aurora_mm.phantoms.shapes import bar, blob
from aurora_mm.tasks import Task

_BONE = Look(24, loss=12)
_RING = Look(-30, rim=20)
_HIGHEST, _DEEPEST = 0.15, 0.95  # depths between which the structures lie, as fractions of the view's depth


def point_groups(task: Task) -> list[tuple[int, ...]]:
    """The task's points by structure: pairs of indices (left, right end of a bone) and single ones (centre of a ring).

    Points that trade places in the mirror are a pair. Of the others, neighbours are a pair where images are never
    mirrored; elsewhere each is single, since in a mirrored image the name 'left end' would be wrong.
    """
    partners = task.flip_indices
    groups: list[tuple[int, ...]] = [(i, j) for i, j in enumerate(partners) if i < j]
    rest = [i for i, j in enumerate(partners) if i == j]
    step = 1 if task.flip else 2
    groups += [tuple(rest[k : k + step]) for k in range(0, len(rest), step)]
    return sorted(groups)


class LandmarkScene(Scene):
    """One structure under another, from the skin down in the order of :func:`point_groups`.

    The depth says which structure is which, and left and right which end; both survive a mirror with the task's
    swaps. Points are continuous pixels (x = 0 is the left edge), rounded to 1/100, inside the image.
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
        """Left and right end of a bone between two depths (fractions), at any slant that stays between them."""
        rng, view = canvas.rng, canvas.view
        length = rng.uniform(0.4, 0.7)
        left = rng.uniform(0.06, 0.94 - length)
        depths = rng.uniform(top, bottom, 2)
        ends = [view.point(left, depths[0]), view.point(left + length, depths[1])]
        ends.sort(key=lambda end: float(end[0]))  # beams spread: the left beam's end can lie to the right
        canvas.paint(bar(ends[0], ends[1], thickness=0.05 * view.scale), _BONE)
        return ends

    def _ring(self, canvas: Canvas, top: float, bottom: float) -> list[np.ndarray]:
        """Centre of a ring between two depths (fractions)."""
        rng, view = canvas.rng, canvas.view
        centre = view.point(rng.uniform(0.15, 0.85), rng.uniform(top, bottom))
        canvas.paint(blob(rng, centre, min(0.08, 0.5 * (bottom - top)) * view.scale), _RING)
        return [centre]
