"""Scanners with a frequency, a gain curve, a dynamic range and a screen of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np

from aurora_mm.phantoms.geometry import DEPTHS, View, linear_view, sector_view
from aurora_mm.phantoms.scanner import Scanner
from aurora_mm.phantoms.screen import Screen
from aurora_mm.phantoms.speckle import beyond, focused_speckle, log_compress, rayleigh_speckle
from aurora_mm.phantoms.style import Style

_SPEED = 1.54  # of sound in tissue, mm per microsecond
_ATTENUATION = 0.5  # of soft tissue, dB per cm and MHz
_FWHM = 2 * np.sqrt(2 * np.log(2))  # full width at half maximum of a Gaussian, in standard deviations


@dataclass(frozen=True)
class PhysicalScanner(Scanner):
    """A scanner described by its physics.

    Sound of frequency f loses 0.5 dB per cm and MHz on its way down and back, the gain curve (TGC) amplifies it and the
    electronic noise with it, and the envelope is log-compressed. The higher f, the shorter the pulse.

    Legend: D depths along each beam, from the skin to the far end.

    Args:
        name: Name, which goes to the column ``scanner``.
        probes: For each kind of probe, the frequency in MHz and the depth of the far end in cm.
        cycles: Length of the pulse in periods (full width at half maximum).
        beam: Standard deviation of the beam at the focus, in beams.
        focus: Depth of the focus, as a fraction of the depth.
        focal_length: Distance from the focus at which the beam is wider by the square root of 2, as a fraction of the
            depth.
        looks: Number of directions from which speckle is averaged (spatial compounding).
        dynamic_range: Difference between black and white in decibels.
        gain: Gain in decibels.
        tgc: Gains in decibels at equally spaced depths, beyond those that compensate the attenuation of tissue.
        noise: Level of the electronic noise in decibels, before the gain curve.
        gamma: Exponent of the grey map; below 1 brightens.
        half_angle: Range of the angle between the middle beam and the outermost one, in radians; convex and phased
            probes.
        screen: What surrounds the ultrasound.
    """

    name: str
    probes: Mapping[str, tuple[float, float]]
    cycles: float = 2.0
    beam: float = 1.8
    focus: float = 0.5
    focal_length: float = 0.5
    looks: int = 1
    dynamic_range: float = 60.0
    gain: float = 0.0
    tgc: tuple[float, ...] = (0.0, 0.0)
    noise: float = -110.0
    gamma: float = 1.0
    half_angle: tuple[float, float] = (0.55, 0.75)
    screen: Screen = field(default_factory=Screen)

    def view(self, style: Style, rng: np.random.Generator) -> View:
        width = int(rng.integers(272, 481))
        height = int(np.clip(width * style.portrait * rng.uniform(0.9, 1.1), 190, 560))
        if style.probe == 'linear':
            view = linear_view(height, width)
        else:
            face = rng.uniform(0.25, 0.4) if style.probe == 'convex' else rng.uniform(0.02, 0.06)
            view = sector_view(height, width, rng.uniform(*self.half_angle), face)
        return self.screen.around(view)

    def render(
        self, style: Style, view: View, echo: np.ndarray, loss: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        frequency, depth = self.probes[style.probe]
        brightness = self.acquire(view.to_beams(echo), view.to_beams(loss), frequency, depth, rng)
        image = np.round(255 * np.clip(view.to_image(brightness), 0, 1)).astype(np.uint8)
        return self.screen.show(image, view, rng)

    def pixel_spacing(self, style: Style, view: View) -> tuple[float, float]:
        """Return (height, width) of a pixel in mm: the far end of the view is as deep as the probe shows."""
        _, depth = self.probes[style.probe]
        side = 10 * depth / view.depth
        return side, side

    def acquire(
        self, echo: np.ndarray, loss: np.ndarray, frequency: float, depth: float, rng: np.random.Generator
    ) -> np.ndarray:
        """Compute the brightness of each sample of a scan.

        Args:
            echo: (D, B) echo level of each sample in decibels.
            loss: (D, B) attenuation in decibels, see :func:`.speckle.beyond`.
            frequency: Of the sound, in MHz.
            depth: Of the far end, in cm.
            rng: Random number generator.

        Returns:
            (D, B) float32 from 0 to 1.
        """
        shape = (echo.shape[0], echo.shape[1])
        along = np.linspace(0, 1, shape[0], dtype=np.float32)[:, None]
        attenuation = 2 * _ATTENUATION * frequency * depth * along
        shadow = cv2.GaussianBlur(beyond(loss), (0, 0), sigmaX=2.0, sigmaY=1.0)
        intensity = np.zeros(shape, np.float32)
        for _ in range(self.looks):
            speckle = focused_speckle(rng, shape, self.axial(frequency, depth), self._beam_widths(shape[0]))
            intensity += speckle**2 / self.looks
        signal = 10 ** ((echo - attenuation - shadow) / 20) * np.sqrt(intensity)
        electronic = 10 ** (self.noise / 20) * rayleigh_speckle(rng, shape, 0.8, 0.8)
        curve = np.interp(along[:, 0], np.linspace(0, 1, len(self.tgc)), self.tgc)[:, None]
        amplified = np.hypot(signal, electronic) * 10 ** ((attenuation + curve + self.gain) / 20)
        return (log_compress(amplified, self.dynamic_range) ** self.gamma).astype(np.float32)

    def axial(self, frequency: float, depth: float) -> float:
        """Return the standard deviation of the pulse along the beam, in samples: half its length, as sound returns."""
        pulse = self.cycles * _SPEED / frequency / 2  # mm
        return max(pulse / _FWHM / (10 * depth / DEPTHS), 0.5)

    def _beam_widths(self, depths: int) -> np.ndarray:
        off_focus = (np.linspace(0, 1, depths) - self.focus) / self.focal_length
        return self.beam * np.sqrt(1 + off_focus**2)
