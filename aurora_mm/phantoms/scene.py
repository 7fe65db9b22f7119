"""A scene: what a type of task shows in an image, and the annotation that goes with it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aurora_mm.phantoms.canvas import Canvas
from aurora_mm.phantoms.style import Style
from aurora_mm.tasks import Task


@dataclass(frozen=True)
class Phantom:
    """One image and its annotation.

    Args:
        image: (H, W) uint8.
        annotation: ``gt_label``, ``bbox`` or ``points``, as :meth:`aurora_mm.annotations.Annotation.format` takes it.
        mask: (H, W) uint8 class indices, for a task that is answered by a mask.
    """

    image: np.ndarray
    annotation: dict[str, Any] = field(default_factory=dict)
    mask: np.ndarray | None = None


class Scene(ABC):
    """Draws the phantoms of one task.

    Args:
        task: The task; nothing but its type, name, number of outputs and mirror rules is read.

    Raises:
        ConfigError: If the type of scene cannot show so many classes.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.style = Style.of(task)

    @property
    @abstractmethod
    def folder(self) -> str:
        """The folder of the type's tasks below the data root, with forward slashes."""

    @abstractmethod
    def paint(self, canvas: Canvas, index: int) -> Phantom:
        """Paint image number ``index`` (from 0) on the canvas and annotate it."""

    def draw(self, rng: np.random.Generator, index: int) -> Phantom:
        """The phantom number ``index`` of the task; the same ``rng`` state gives the same bytes."""
        return self.paint(Canvas(self.style, rng), index)
