"""Phantoms of segmentation tasks."""

from __future__ import annotations

import numpy as np

from aurora_mm.phantoms.canvas import Canvas
from aurora_mm.phantoms.looks import looks_of
from aurora_mm.phantoms.scene import Phantom, Scene
from aurora_mm.tasks import Task

_FOLDERS = ('Two', 'Three', 'Four', 'Five', 'Six', 'Seven', 'Eight', 'Nine')  # by number of classes, starting with 2

_ABSENT = 0.06  # probability that one class is absent, for tasks with several foreground classes


class SegmentationScene(Scene):
    """Draws one structure for each foreground class, at random positions without overlap.

    In a few images of tasks with three or more classes, background counted, one class is absent, as in real data.
    """

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.looks = looks_of(task, self.style)

    @property
    def folder(self) -> str:
        return f'Segmentation/{_FOLDERS[self.task.num_outputs - 2]}'

    def paint(self, canvas: Canvas, index: int) -> Phantom:
        rng, number = canvas.rng, len(self.looks)
        absent = int(rng.integers(number)) if number > 1 and rng.random() < _ABSENT else None
        free = canvas.view.inside.copy()
        mask = np.zeros(canvas.view.shape, np.uint8)
        for i in rng.permutation(number):  # the first structure has the most space
            if i == absent:
                continue
            outline = canvas.place(rng.uniform(0.2, 0.36) * number**-0.35, free=free)
            taken = canvas.paint(outline, self.looks[i])
            mask[taken] = i + 1
            free &= ~taken
        return Phantom(canvas.render(), mask=mask)
