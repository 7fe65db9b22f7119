"""The interface of scanners: how the echoes of a scene become an image."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from aurora_mm.phantoms.geometry import View
from aurora_mm.phantoms.speckle import scan
from aurora_mm.phantoms.style import Style


class Scanner(ABC):
    """Base class: the probe's view of an image, and the image that it makes of the echoes in it.

    Legend: H x W pixels of the image.

    Attributes:
        name: Name, which goes to names of files and to a column of the CSV files; '' for none.
    """

    name: str

    @abstractmethod
    def view(self, style: Style, rng: np.random.Generator) -> View:
        """Create the view of one image, with the probe of the task's style."""

    @abstractmethod
    def render(
        self, style: Style, view: View, echo: np.ndarray, loss: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Make an image of echo levels.

        Args:
            style: Style of the task.
            view: A view that :meth:`view` returned.
            echo: (H, W) float32 echo level of each pixel in decibels, where 0 dB is white.
            loss: (H, W) float32 attenuation behind each pixel in decibels, see :class:`.canvas.Look`.
            rng: Random number generator.

        Returns:
            (H, W) uint8.
        """

    def pixel_spacing(self, style: Style, view: View) -> tuple[float, float] | None:
        """Return (height, width) of a pixel of a view in mm; None, as by default, if the scanner has no scale."""
        return None


class DemoScanner(Scanner):
    """The scanner of the demonstration data: speckle, random gain and random attenuation, on a black image.

    Its blur across the beams is a property of the task, so that tasks look as if they came from different scanners.
    """

    name = ''

    def view(self, style: Style, rng: np.random.Generator) -> View:
        return style.view(rng)

    def render(
        self, style: Style, view: View, echo: np.ndarray, loss: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        brightness = scan(
            rng,
            view.to_beams(echo),
            view.to_beams(loss),
            gain=rng.uniform(-3, 5),
            attenuation=rng.uniform(2, 10),
            dynamic_range=rng.uniform(55, 65),
            lateral=style.lateral,
        )
        image = np.round(255 * np.clip(view.to_image(brightness), 0, 1)).astype(np.uint8)
        image[~view.inside] = 0
        return image


DEMO_SCANNER = DemoScanner()
"""The scanner of ``make-demo-data``."""
