"""The canvas on which a scene draws one image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aurora_mm.phantoms.geometry import BEAMS, DEPTHS, View
from aurora_mm.phantoms.scanner import DEMO_SCANNER, Scanner
from aurora_mm.phantoms.shapes import blob, fill, rim
from aurora_mm.phantoms.speckle import smooth_noise
from aurora_mm.phantoms.style import Style


@dataclass(frozen=True)
class Look:
    """Appearance of a structure.

    Args:
        level: Echo level of the inside relative to the surrounding tissue, in decibels.
        rim: Echo level of the border relative to the surrounding tissue, in decibels. None for no border.
        loss: Attenuation of the sound behind the structure, in decibels. Negative for fluid, behind which the image is
            brighter.
        stripes: Amplitude of stripes inside the structure, in decibels.
    """

    level: float
    rim: float | None = None
    loss: float = 0.0
    stripes: float = 0.0


class Canvas:
    """Echo levels of the pixels of one image.

    Legend: H x W pixels of the image, D depths and B beams of the scan. Coordinates are continuous pixels: x = 0 is the
    left edge of the image.

    Args:
        style: Style of the task.
        rng: Random number generator, which is used for everything in the image.
        scanner: The scanner that makes the image.
    """

    def __init__(self, style: Style, rng: np.random.Generator, scanner: Scanner = DEMO_SCANNER) -> None:
        self.style = style
        self.rng = rng
        self.scanner = scanner
        self.view: View = scanner.view(style, rng)
        self.echo = self.view.to_image(self._tissue())
        self.loss = np.zeros(self.view.shape, np.float32)

    def _tissue(self) -> np.ndarray:
        """Return the (D, B) echo levels of the organ and of the tissue layers, in decibels."""
        style, rng, shape = self.style, self.rng, (DEPTHS, BEAMS)
        level = style.tissue + style.patchiness * smooth_noise(rng, shape, 5)
        depth = np.linspace(0, 1, DEPTHS, dtype=np.float32)[:, None]
        beam = np.linspace(0, 1, BEAMS, dtype=np.float32)[None]
        level += 14 * np.exp(-((depth / 0.025) ** 2))  # skin
        for i in range(style.layers):
            height, phase, slope = rng.uniform(0, 0.03), rng.uniform(0, 2 * np.pi), rng.uniform(-0.06, 0.06)
            middle = 0.06 + 0.9 * (i + rng.uniform(0.2, 0.8)) / style.layers
            centre = middle + slope * (beam - 0.5) + height * np.sin(7 * beam + phase)
            level += 6 * np.exp(-(((depth - centre) / 0.008) ** 2))
        return level.astype(np.float32)

    def paint(self, outline: np.ndarray, look: Look) -> np.ndarray:
        """Draw a structure over what is already there.

        Args:
            outline: (N, 2) x, y of the outline in pixels.
            look: Appearance of the structure.

        Returns:
            (H, W) bool mask of the drawn pixels, which are all inside of the view.
        """
        shape = self.view.shape
        mask = fill(outline, shape) & self.view.inside
        self.echo[mask] = self.style.tissue + look.level
        if look.stripes:
            ys, xs = np.nonzero(mask)
            period = 0.06 * self.view.scale
            self.echo[mask] += look.stripes * np.sin((0.6 * xs + ys) * (2 * np.pi / period)).astype(np.float32)
        if look.rim is not None:
            self.echo[mask & rim(outline, shape, 0.022 * self.view.scale)] = self.style.tissue + look.rim
        self.loss[mask] = look.loss
        return mask

    def place(
        self,
        radius: float,
        *,
        free: np.ndarray | None = None,
        u: tuple[float, float] = (0.0, 1.0),
        v: tuple[float, float] = (0.0, 1.0),
        aspect: float | None = None,
        angle: float | None = None,
    ) -> np.ndarray:
        """Create an outline at a random position inside of the free pixels. If it does not fit, it is made smaller.

        Args:
            radius: Longer semi-axis, as a fraction of the scale of the view.
            free: (H, W) bool mask of the free pixels. By default the whole view.
            u: Range of the centre across the beams, as fractions from 0 to 1.
            v: Range of the centre along the depth, as fractions from 0 to 1.
            aspect: See :func:`.shapes.blob`. By default close to that of the style.
            angle: See :func:`.shapes.blob`. By default random.

        Returns:
            (N, 2) x, y of the outline in pixels.

        Raises:
            RuntimeError: If there is no space even for a very small outline.
        """
        free = self.view.inside if free is None else free & self.view.inside
        aspect = self.style.aspect * self.rng.uniform(0.85, 1.05) if aspect is None else aspect
        angle = self.rng.uniform(0, np.pi) if angle is None else angle
        size = radius * self.view.scale
        while size > 1:
            centre = self.view.point(self.rng.uniform(*u), self.rng.uniform(*v))
            outline = blob(self.rng, centre, size, aspect=aspect, angle=angle, roughness=self.style.roughness)
            if self._fits(outline, free):
                return outline
            size *= 0.995  # slowly, because many tries may find a position for the requested size
        raise RuntimeError(f'no room for a structure in the {free.sum()} free pixels between u {u} and v {v}')

    def _fits(self, outline: np.ndarray, free: np.ndarray) -> bool:
        height, width = self.view.shape
        if (outline < 0).any() or (outline > (width, height)).any():
            return False
        x, y = np.minimum(outline.astype(int), (width - 1, height - 1)).T
        return bool(free[y, x].all()) and not (fill(outline, (height, width)) & ~free).any()

    def render(self) -> np.ndarray:
        """Render the (H, W) uint8 image as the scanner shows it."""
        return self.scanner.render(self.style, self.view, self.echo, self.loss, self.rng)
