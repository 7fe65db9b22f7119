"""Loss of sharpness: out of focus, or moved."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from aurora_mm.errors import ConfigError
from aurora_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomGaussianBlur(BaseTransform):
    """Blur ``img`` (uint8) by a Gaussian.

    Args:
        prob: Probability of a blur.
        sigma: (least, largest) standard deviation in pixels, uniform.
    """

    def __init__(self, prob: float = 0.20, sigma: tuple[float, float] = (0.4, 1.6)) -> None:
        self.prob = prob
        self.sigma = (sigma[0], sigma[1])

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        if np.random.random() < self.prob:
            results['img'] = cv2.GaussianBlur(results['img'], (0, 0), np.random.uniform(*self.sigma))
        return results


@TRANSFORMS.register_module()
class RandomMotionBlur(BaseTransform):
    """Blur ``img`` (uint8) along a line of random direction.

    Args:
        prob: Probability of a blur.
        lengths: Lengths of the line in pixels to choose from; odd, so that the image stays in place.

    Raises:
        ConfigError: If a length is even or below 3.
    """

    def __init__(self, prob: float = 0.10, lengths: tuple[int, ...] = (3, 5, 7)) -> None:
        self.prob = prob
        self.lengths = tuple(lengths)
        if any(length < 3 or length % 2 == 0 for length in self.lengths):
            raise ConfigError(f'RandomMotionBlur: lengths must be odd and at least 3, not {lengths}')

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        if np.random.random() < self.prob:
            kernel = line_kernel(int(np.random.choice(self.lengths)), np.random.uniform(0, 180))
            results['img'] = cv2.filter2D(results['img'], -1, kernel)
        return results


def line_kernel(length: int, degrees: float) -> np.ndarray:
    """(length, length) float32 weights, summing to 1, along a line through the centre."""
    middle = length // 2
    across, down = middle * np.cos(np.deg2rad(degrees)), middle * np.sin(np.deg2rad(degrees))
    kernel = np.zeros((length, length), np.float32)
    start = (round(middle - across), round(middle - down))
    # The far end mirrors the near one, so that the kernel's centre of mass is its middle.
    cv2.line(kernel, start, (2 * middle - start[0], 2 * middle - start[1]), 1.0)
    kernel += kernel[::-1, ::-1]
    return kernel / kernel.sum()
