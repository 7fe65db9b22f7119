"""The style of a task: properties that all of its images share."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from aurora_mm.phantoms.geometry import View, linear_view, sector_view
from aurora_mm.tasks import Task

PROBES = ('linear', 'convex', 'phased')


@dataclass(frozen=True)
class Style:
    """Properties that all images of one task share.

    Args:
        probe: One of :data:`PROBES`.
        portrait: Mean ratio of height to width of the images.
        tissue: Echo level of the organ in decibels.
        patchiness: Variation of the echo level over the image in decibels.
        layers: Number of bright layers across the beams, such as skin, fascia and muscle.
        lateral: Standard deviation of the point spread function across the beams, in beams.
        aspect: Mean aspect of the structures, see :func:`.shapes.blob`.
        roughness: Roughness of the structures, see :func:`.shapes.blob`.
        variant: Number from 0 to 23 by which scenes choose appearances or patterns.
    """

    probe: str
    portrait: float
    tissue: float
    patchiness: float
    layers: int
    lateral: float
    aspect: float
    roughness: float
    variant: int

    @classmethod
    def of(cls, task: Task) -> Style:
        """Return the style of a task, which only depends on its name."""
        rng = np.random.default_rng(zlib.crc32(task.name.encode()))
        return cls(
            probe=PROBES[rng.integers(len(PROBES))],
            portrait=float(rng.uniform(0.7, 1.0)),
            tissue=float(rng.uniform(-30, -23)),
            patchiness=float(rng.uniform(1.0, 3.0)),
            layers=int(rng.integers(1, 5)),
            lateral=float(rng.uniform(1.4, 2.6)),
            aspect=float(rng.uniform(0.55, 0.95)),
            roughness=float(rng.uniform(0.0, 0.25)),
            variant=int(rng.integers(24)),
        )

    def view(self, rng: np.random.Generator) -> View:
        """Create the view of one image, with a random size (sides from 190 to 700 pixels) and opening angle."""
        width = int(rng.integers(272, 641))
        height = int(np.clip(width * self.portrait * rng.uniform(0.9, 1.1), 190, 700))
        if self.probe == 'linear':
            return linear_view(height, width)
        face = rng.uniform(0.25, 0.4) if self.probe == 'convex' else rng.uniform(0.02, 0.06)
        return sector_view(height, width, rng.uniform(0.55, 0.75), face)
