"""Phantoms of detection tasks."""

from __future__ import annotations

from aurora_mm.errors import ConfigError
from aurora_mm.phantoms.canvas import Canvas, Look
from aurora_mm.phantoms.scene import Phantom, Scene
from aurora_mm.phantoms.shapes import tight_box
from aurora_mm.tasks import Task

_LOOKS = (Look(-30, rim=8, loss=-5), Look(15, loss=8), Look(-18, rim=16, loss=4))


class DetectionScene(Scene):
    """Draws one lesion at a random position, see :func:`.shapes.tight_box` for its box."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        if task.num_outputs != 1:
            raise ConfigError(
                f'task {task.name!r} has {task.num_outputs} classes; '
                'a detection row holds one box without a class, so a phantom shows one class'
            )
        self.look = _LOOKS[self.style.variant % len(_LOOKS)]

    @property
    def folder(self) -> str:
        return 'Detection'

    def paint(self, canvas: Canvas, index: int) -> Phantom:
        lesion = canvas.paint(canvas.place(canvas.rng.uniform(0.16, 0.32)), self.look)
        return Phantom(canvas.render(), {'bbox': tight_box(lesion)})
