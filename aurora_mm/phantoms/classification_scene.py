"""Phantoms of classification tasks."""

from __future__ import annotations

from aurora_mm.errors import ConfigError
from aurora_mm.phantoms.canvas import Canvas
from aurora_mm.phantoms.class_patterns import FEW_CLASSES, ORGAN_CLASSES, Pattern, organ, position
from aurora_mm.phantoms.scene import Phantom, Scene
from aurora_mm.tasks import Task


def pattern_of(task: Task, variant: int) -> Pattern:
    """Choose the pattern that shows the class.

    The pattern is :func:`position` if images of the task must not be flipped, one of :data:`FEW_CLASSES` for up to
    three classes, and :func:`organ` for more classes.

    Args:
        task: The task.
        variant: Number that selects one of :data:`FEW_CLASSES`.

    Raises:
        ConfigError: If there is no pattern with so many classes.
    """
    if not task.flip:
        return position
    if task.num_outputs <= 3:
        return FEW_CLASSES[variant % len(FEW_CLASSES)]
    if task.num_outputs <= ORGAN_CLASSES:
        return organ
    raise ConfigError(
        f'task {task.name!r} has {task.num_outputs} classes; phantoms tell {ORGAN_CLASSES} apart at most '
        'where images may be mirrored'
    )


class ClassificationScene(Scene):
    """Draws a pattern that shows the class. Image ``index`` has class ``index`` modulo the number of classes."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.pattern = pattern_of(task, self.style.variant)

    @property
    def folder(self) -> str:
        return 'Classification'

    def paint(self, canvas: Canvas, index: int) -> Phantom:
        label = index % self.task.num_outputs
        self.pattern(canvas, label, self.task.num_outputs)
        return Phantom(canvas.render(), {'gt_label': label})
