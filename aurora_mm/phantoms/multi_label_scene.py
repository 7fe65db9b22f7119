"""Phantoms of tasks whose images have any number of classes."""

from __future__ import annotations

import numpy as np

from aurora_mm.phantoms.canvas import Canvas
from aurora_mm.phantoms.looks import looks_of
from aurora_mm.phantoms.scene import Phantom, Scene
from aurora_mm.tasks import Task

_PRESENT = 0.45  # probability that an image has a class


class MultiLabelScene(Scene):
    """Draws one structure for each class of an image, by whose look the class is known; in some images none."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.looks = looks_of(task, self.style)

    @property
    def folder(self) -> str:
        return 'Classification'

    def paint(self, canvas: Canvas, index: int) -> Phantom:
        rng = canvas.rng
        labels = np.flatnonzero(rng.random(self.task.num_outputs) < _PRESENT).tolist()
        free = canvas.view.inside.copy()
        for label in labels:
            free &= ~canvas.paint(canvas.place(rng.uniform(0.14, 0.22), free=free), self.looks[label])
        return Phantom(canvas.render(), {'gt_labels': labels})
