"""The constant look of a task's images: its probe, its organ, the appearance of what it looks for."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from aurora_mm.phantoms.geometry import View, linear_view, sector_view
from aurora_mm.tasks import Task

PROBES = ('linear', 'convex', 'phased')


@dataclass(frozen=True)
class Style:
    """What all images of one task have in common.

    Args:
        probe: One of :data:`PROBES`.
        portrait: Mean height over width of the images.
        tissue: Level of the organ's echo in decibels.
        patchiness: Decibels by which it varies over the image.
        layers: Number of bright layers (skin, fascia, muscle) across the beams.
        lateral: Width of the point spread across the beams, in beams: the coarseness of the speckle.
        aspect: Mean aspect of the task's structures; see :func:`.shapes.blob`.
        roughness: Unevenness of their outline.
        variant: A number below 24 from which scenes choose among appearances or patterns.
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
        """The style that belongs to the task's name, the same on every machine and for every seed."""
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
        """The window of one image, of a size and an opening of its own (sides of 190 to 700 pixels)."""
        width = int(rng.integers(272, 641))
        height = int(np.clip(width * self.portrait * rng.uniform(0.9, 1.1), 190, 700))
        if self.probe == 'linear':
            return linear_view(height, width)
        face = rng.uniform(0.25, 0.4) if self.probe == 'convex' else rng.uniform(0.02, 0.06)
        return sector_view(height, width, rng.uniform(0.55, 0.75), face)
