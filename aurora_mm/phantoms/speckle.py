"""What a scanner makes of tissue: speckle, attenuation, shadows and log compression, on a scan of beams.

Legend: D x B samples of the scan (depth, beam). Levels are in decibels, 0 dB being the brightest that is shown.
"""

from __future__ import annotations

import cv2
import numpy as np


def rayleigh_speckle(rng: np.random.Generator, shape: tuple[int, int], axial: float, lateral: float) -> np.ndarray:
    """Fully developed speckle: the envelope of a complex Gaussian field seen through the beam's point spread.

    Args:
        rng: Source of chance.
        shape: (D, B).
        axial: Width (standard deviation) of the point spread along the beam, in samples.
        lateral: The same across the beams; larger than ``axial`` for every real probe.

    Returns:
        (D, B) float32 amplitudes with mean square 1.
    """
    parts = []
    for _ in range(2):
        noise = rng.standard_normal(shape, dtype=np.float32)
        parts.append(cv2.GaussianBlur(noise, (0, 0), sigmaX=lateral, sigmaY=axial))
    amplitude = np.hypot(*parts)
    return amplitude / np.sqrt(np.mean(amplitude**2))


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], cells: int) -> np.ndarray:
    """(D, B) float32 noise of variance near 1 that varies over about ``1 / cells`` of the scan."""
    coarse = rng.standard_normal((cells + 1, cells + 1), dtype=np.float32)
    return cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC)


def beyond(loss: np.ndarray) -> np.ndarray:
    """What lies behind a reflector loses what the reflector took.

    Args:
        loss: (D, B) decibels that the structure at each sample takes from the sound; negative where it takes less
            than tissue does, as fluid.

    Returns:
        (D, B) decibels lost on the way to each sample, without the sample's own.
    """
    taken = np.maximum(loss, 0)
    spared = np.maximum(-loss, 0)
    return (np.maximum.accumulate(taken, axis=0) - taken) - (np.maximum.accumulate(spared, axis=0) - spared)


def log_compress(amplitude: np.ndarray, dynamic_range: float) -> np.ndarray:
    """Amplitudes (1 = full scale) -> brightness 0..1, ``dynamic_range`` decibels wide."""
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
    """The brightness of every sample of a scan.

    Args:
        rng: Source of chance.
        echo: (D, B) level of the echo of each sample in decibels.
        loss: (D, B) see :func:`beyond`.
        gain: Decibels added everywhere.
        attenuation: Decibels lost from the skin to the far end after the scanner's own compensation.
        dynamic_range: Decibels between black and white.
        axial: See :func:`rayleigh_speckle`.
        lateral: See :func:`rayleigh_speckle`.

    Returns:
        (D, B) float32 in 0..1.
    """
    depth = np.linspace(0, 1, echo.shape[0], dtype=np.float32)[:, None]
    shadow = cv2.GaussianBlur(beyond(loss), (0, 0), sigmaX=2.0, sigmaY=1.0)
    level = echo + gain - attenuation * depth - shadow
    shape = (echo.shape[0], echo.shape[1])
    amplitude = 10 ** (level / 20) * rayleigh_speckle(rng, shape, axial, lateral)
    electronic = 10 ** ((4 - dynamic_range) / 20) * rayleigh_speckle(rng, shape, 0.8, 0.8)
    return log_compress(np.hypot(amplitude, electronic), dynamic_range).astype(np.float32)
