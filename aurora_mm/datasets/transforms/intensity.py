"""Random changes of intensity: brightness, contrast, gamma and noise."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from aurora_mm.datasets.transforms.option_checks import check_number, check_range
from aurora_mm.images.shared_channels import for_channels
from aurora_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomBrightnessContrast(BaseTransform):
    """Change each value v of ``img``, (h, w, 3) uint8, to ``(1 + c) * v + 255 * b``, clipped to 0 to 255.

    Args:
        prob: Probability that the image is changed.
        brightness: b is drawn uniformly from [-brightness, brightness].
        contrast: c is drawn uniformly from [-contrast, contrast].

    Raises:
        ConfigError: If an argument is not from 0 to 1.
    """

    def __init__(self, prob: float = 0.35, brightness: float = 0.2, contrast: float = 0.2) -> None:
        self.prob = check_number(self, 'prob', prob, high=1)
        self.brightness = check_number(self, 'brightness', brightness, high=1)
        self.contrast = check_number(self, 'contrast', contrast, high=1)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        if np.random.random() < self.prob:
            gain = 1 + np.random.uniform(-self.contrast, self.contrast)
            offset = 255 * np.random.uniform(-self.brightness, self.brightness)
            table = np.clip(np.rint(gain * np.arange(256) + offset), 0, 255).astype(np.uint8)
            results['img'] = for_channels(lambda channels: cv2.LUT(channels, table), results['img'])
        return results


@TRANSFORMS.register_module()
class RandomGamma(BaseTransform):
    """Change each value v of ``img``, (h, w, 3) uint8, to ``255 * (v / 255) ** gamma``.

    Black and white stay as they are. A gamma below 1 makes the greys between them brighter, one above 1 darker.

    Args:
        prob: Probability that the image is changed.
        gamma: Smallest and largest gamma, both above 0. Its logarithm is drawn uniformly between theirs, so that with
            the default images get brighter as often as darker.

    Raises:
        ConfigError: If ``gamma`` does not hold two positive numbers in increasing order, or ``prob`` is out of range.
    """

    def __init__(self, prob: float = 0.3, gamma: tuple[float, float] = (2 / 3, 1.5)) -> None:
        self.prob = check_number(self, 'prob', prob, high=1)
        self.gamma = check_range(self, 'gamma', gamma, positive=True)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        if np.random.random() < self.prob:
            gamma = np.exp(np.random.uniform(*np.log(self.gamma)))
            table = np.rint(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
            results['img'] = for_channels(lambda channels: cv2.LUT(channels, table), results['img'])
        return results


@TRANSFORMS.register_module()
class RandomGaussianNoise(BaseTransform):
    """Add Gaussian noise to ``img``, (h, w, 3) uint8. All channels get the same noise, so grey images stay grey.

    Args:
        prob: Probability that noise is added.
        std: Smallest and largest standard deviation, in grey values from 0 to 255. It is drawn uniformly between them.

    Raises:
        ConfigError: If an argument is out of range.
    """

    def __init__(self, prob: float = 0.30, std: tuple[float, float] = (3.0, 10.0)) -> None:
        self.prob = check_number(self, 'prob', prob, high=1)
        self.std = check_range(self, 'std', std)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        if np.random.random() < self.prob:
            noise = _noise(results['img'].shape[:2], np.random.uniform(*self.std))
            results['img'] = for_channels(lambda channels: _sum(channels, noise), results['img'])
        return results


def _noise(shape: tuple[int, int], std: float) -> np.ndarray:
    """Draw Gaussian noise, rounded to whole grey values, (h, w) int16."""
    # OpenCV's generator is seven times as fast as NumPy's. It is seeded by it, so that a seed determines the noise.
    cv2.setRNGSeed(np.random.randint(2**31))
    return cv2.randn(np.empty(shape, np.int16), np.zeros(1), np.array([std]))


def _sum(channels: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Add the same noise to all channels, and clip to 0 to 255."""
    if channels.ndim == 3:
        noise = cv2.merge([noise] * channels.shape[2])
    return cv2.add(channels, noise, dtype=cv2.CV_8U)
