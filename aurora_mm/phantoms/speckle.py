"""Simulation of a scanner: speckle, attenuation, shadows and log compression.

Legend: D x B samples of the scan (depth, beam). Levels are in decibels, where 0 dB is white.
"""

from __future__ import annotations

import cv2
import numpy as np

_WIDTHS = 4  # blurred copies of the noise of a focused beam


def rayleigh_speckle(rng: np.random.Generator, shape: tuple[int, int], axial: float, lateral: float) -> np.ndarray:
    """Generate fully developed speckle: the envelope of complex Gaussian noise, blurred by the point spread function.

    Args:
        rng: Random number generator.
        shape: (D, B).
        axial: Standard deviation of the point spread function along the beams, in samples.
        lateral: Standard deviation of the point spread function across the beams, in samples. It is larger than
            ``axial`` for real probes.

    Returns:
        (D, B) float32 amplitudes with mean square 1.
    """
    components = []  # real and imaginary
    for _ in range(2):
        noise = rng.standard_normal(shape, dtype=np.float32)
        components.append(cv2.GaussianBlur(noise, (0, 0), sigmaX=lateral, sigmaY=axial))
    amplitude = np.hypot(*components)
    return amplitude / np.sqrt(np.mean(amplitude**2))


def focused_speckle(rng: np.random.Generator, shape: tuple[int, int], axial: float, lateral: np.ndarray) -> np.ndarray:
    """Generate fully developed speckle of a beam whose width changes with the depth, as that of a focused beam does.

    The complex noise of each depth is mixed from two of a few blurred copies. A mixture of Gaussian noise is Gaussian,
    so that the envelope still follows a Rayleigh distribution.

    Args:
        rng: Random number generator.
        shape: (D, B).
        axial: See :func:`rayleigh_speckle`.
        lateral: (D,) standard deviation of the point spread function across the beams, in samples.

    Returns:
        (D, B) float32 amplitudes with mean square 1.
    """
    widths = np.geomspace(lateral.min(), lateral.max(), _WIDTHS) if np.ptp(lateral) > 1e-6 else lateral[:1]
    place = np.interp(np.log(lateral), np.log(widths), np.arange(len(widths)))
    lower = np.floor(place).astype(int).clip(0, max(len(widths) - 2, 0))
    upper = np.minimum(lower + 1, len(widths) - 1)
    part = (place - lower)[:, None].astype(np.float32)
    # The correlation of one noise blurred by two Gaussians; without it the mixture would be too weak between them.
    correlation = np.sqrt(2 * widths[lower] * widths[upper] / (widths[lower] ** 2 + widths[upper] ** 2))[:, None]
    power = (1 - part) ** 2 + part**2 + 2 * part * (1 - part) * correlation
    rows = np.arange(shape[0])
    down, across = (4 * int(np.ceil(width)) for width in (axial, widths.max()))  # so that no border is mirrored
    components = []
    for _ in range(2):
        noise = rng.standard_normal((shape[0] + 2 * down, shape[1] + 2 * across), dtype=np.float32)
        blurred = [cv2.GaussianBlur(noise, (0, 0), sigmaX=width, sigmaY=axial) for width in widths.tolist()]
        copies = np.stack([copy / copy.std() for copy in blurred])[
            :, down : down + shape[0], across : across + shape[1]
        ]
        components.append(((1 - part) * copies[lower, rows] + part * copies[upper, rows]) / np.sqrt(power))
    amplitude = np.hypot(*components).astype(np.float32)
    return amplitude / np.sqrt(np.mean(amplitude**2))


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], cells: int) -> np.ndarray:
    """Generate (D, B) float32 noise with a variance of about 1, which varies over ``1 / cells`` of the scan."""
    coarse = rng.standard_normal((cells + 1, cells + 1), dtype=np.float32)
    return cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC)


def beyond(loss: np.ndarray) -> np.ndarray:
    """Compute the attenuation of each sample by the structures in front of it.

    Args:
        loss: (D, B) attenuation by the structure at each sample, in decibels. Negative for fluid, which attenuates
            less than tissue.

    Returns:
        (D, B) attenuation of each sample in decibels, without that of its own structure.
    """
    taken = np.maximum(loss, 0)
    spared = np.maximum(-loss, 0)
    return (np.maximum.accumulate(taken, axis=0) - taken) - (np.maximum.accumulate(spared, axis=0) - spared)


def log_compress(amplitude: np.ndarray, dynamic_range: float) -> np.ndarray:
    """Convert amplitudes, where 1 is white, to brightness from 0 to 1 with a dynamic range in decibels."""
    floor = 10 ** (-dynamic_range / 20)
    return np.clip(1 + 20 * np.log10(np.maximum(amplitude, floor)) / dynamic_range, 0, 1)


def scan(
    rng: np.random.Generator,
    echo: np.ndarray,
    loss: np.ndarray,
    *,
    gain: float = 0.0,
    attenuation: float = 10.0,
    dynamic_range: float = 60.0,
    axial: float = 1.2,
    lateral: float = 1.8,
) -> np.ndarray:
    """Compute the brightness of each sample of a scan.

    Args:
        rng: Random number generator.
        echo: (D, B) echo level of each sample in decibels.
        loss: (D, B) attenuation in decibels, see :func:`beyond`.
        gain: Gain in decibels.
        attenuation: Attenuation in decibels at the far end, which the scanner does not compensate.
        dynamic_range: Difference between black and white in decibels.
        axial: See :func:`rayleigh_speckle`.
        lateral: See :func:`rayleigh_speckle`.

    Returns:
        (D, B) float32 from 0 to 1.
    """
    depth = np.linspace(0, 1, echo.shape[0], dtype=np.float32)[:, None]
    shadow = cv2.GaussianBlur(beyond(loss), (0, 0), sigmaX=2.0, sigmaY=1.0)
    level = echo + gain - attenuation * depth - shadow
    shape = (echo.shape[0], echo.shape[1])
    amplitude = 10 ** (level / 20) * rayleigh_speckle(rng, shape, axial, lateral)
    electronic = 10 ** ((4 - dynamic_range) / 20) * rayleigh_speckle(rng, shape, 0.8, 0.8)
    return log_compress(np.hypot(amplitude, electronic), dynamic_range).astype(np.float32)
