"""The interface of scenes, which draw the phantoms of one task type."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from aurora_mm.phantoms.canvas import Canvas
from aurora_mm.phantoms.scanner import DEMO_SCANNER, Scanner
from aurora_mm.phantoms.style import Style
from aurora_mm.tasks import Task


@dataclass(frozen=True)
class Phantom:
    """A generated image and its annotation.

    Args:
        image: (H, W) uint8 grey image.
        annotation: What :meth:`aurora_mm.annotations.Annotation.format` expects for the task type, such as
            ``gt_label`` or ``bbox``; coordinates are in pixels of the image. Empty for segmentation.
        mask: (H, W) uint8 class indices for segmentation, with the background as class 0.
        class_masks: (C, H, W) uint8, 1 in the pixels of each class, for segmentation with classes that may overlap.
        pixel_spacing: (height, width) of a pixel in mm; None if the scanner has no scale.
    """

    image: np.ndarray
    annotation: dict[str, Any] = field(default_factory=dict)
    mask: np.ndarray | None = None
    class_masks: np.ndarray | None = None
    pixel_spacing: tuple[float, float] | None = None


class Scene(ABC):
    """Base class: draws the phantoms of one task.

    Args:
        task: The task. Only its type, name, number of outputs, ``flip`` and ``swaps`` are used.

    Raises:
        ConfigError: If the scene cannot show so many classes.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.style = Style.of(task)

    @property
    @abstractmethod
    def folder(self) -> str:
        """Folder of the task type relative to the data root, with ``/`` between folders."""

    @abstractmethod
    def paint(self, canvas: Canvas, index: int) -> Phantom:
        """Draw an image on a canvas.

        Args:
            canvas: An empty canvas.
            index: Index of the image in the data set, from 0.

        Returns:
            The image and its annotation.
        """

    def draw(self, rng: np.random.Generator, index: int, scanner: Scanner = DEMO_SCANNER) -> Phantom:
        """Generate a phantom. The same state of ``rng`` gives the same phantom.

        Args:
            rng: Random number generator.
            index: Index of the image in the data set, from 0.
            scanner: The scanner that makes the image.
        """
        canvas = Canvas(self.style, rng, scanner)
        spacing = scanner.pixel_spacing(self.style, canvas.view)
        return replace(self.paint(canvas, index), pixel_spacing=spacing)
