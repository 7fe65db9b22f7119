"""Phantoms of segmentation tasks whose classes may overlap."""

from __future__ import annotations

import numpy as np

from aurora_mm.phantoms.canvas import Canvas
from aurora_mm.phantoms.looks import looks_of
from aurora_mm.phantoms.scene import Phantom, Scene
from aurora_mm.tasks import Task

_ABSENT = 0.1  # probability that a class but the first is absent


class OverlapScene(Scene):
    """Draws a large structure of the first class and smaller ones of the others, at most of which it reaches.

    Classes of odd number lie within the first, the others anywhere. A pixel of several structures looks like the last
    of them, and belongs to all.
    """

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.looks = looks_of(task, self.style)

    @property
    def folder(self) -> str:
        return 'Segmentation/Overlapping'

    def paint(self, canvas: Canvas, index: int) -> Phantom:
        rng = canvas.rng
        masks = np.zeros((len(self.looks), *canvas.view.shape), np.uint8)
        for label, look in enumerate(self.looks):
            if label and rng.random() < _ABSENT:
                continue
            within = masks[0].astype(bool) if label % 2 else None
            radius = rng.uniform(0.1, 0.16) if label else rng.uniform(0.3, 0.36)
            masks[label] = canvas.paint(canvas.place(radius, free=within), look)
        return Phantom(canvas.render(), class_masks=masks)
