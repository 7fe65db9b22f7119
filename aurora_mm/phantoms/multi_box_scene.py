"""Phantoms of detection tasks with any number of boxes in an image."""

from __future__ import annotations

import numpy as np

from aurora_mm.phantoms.canvas import Canvas
from aurora_mm.phantoms.looks import looks_of
from aurora_mm.phantoms.scene import Phantom, Scene
from aurora_mm.phantoms.shapes import tight_box
from aurora_mm.tasks import Task

_MOST = 4  # lesions in an image


class MultiBoxScene(Scene):
    """Draws 0 to 4 lesions that do not overlap, each of a random class; image ``index`` has ``index`` modulo 5."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.looks = looks_of(task, self.style)

    @property
    def folder(self) -> str:
        return 'Detection'

    def paint(self, canvas: Canvas, index: int) -> Phantom:
        rng = canvas.rng
        free = canvas.view.inside.copy()
        labels = rng.integers(self.task.num_outputs, size=index % (_MOST + 1)).tolist()
        boxes = []
        for label in labels:
            lesion = canvas.paint(canvas.place(rng.uniform(0.1, 0.18), free=free), self.looks[label])
            boxes.append(np.array(tight_box(lesion), float).tolist())
            free &= ~lesion
        return Phantom(canvas.render(), {'bboxes': boxes, 'bboxes_labels': labels})
