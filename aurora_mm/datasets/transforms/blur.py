"""Random blur."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from aurora_mm.datasets.transforms.option_checks import check_number, check_range
from aurora_mm.errors import ConfigError
from aurora_mm.images.shared_channels import for_channels
from aurora_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomGaussianBlur(BaseTransform):
    """Blur ``img``, (h, w, 3) uint8, with a Gaussian kernel.

    Args:
        prob: Probability that the image is blurred.
        sigma: Smallest and largest standard deviation in pixels. It is drawn uniformly between them.

    Raises:
        ConfigError: If an argument is out of range.
    """

    def __init__(self, prob: float = 0.20, sigma: tuple[float, float] = (0.4, 1.6)) -> None:
        self.prob = check_number(self, 'prob', prob, high=1)
        self.sigma = check_range(self, 'sigma', sigma, positive=True)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        if np.random.random() < self.prob:
            sigma = np.random.uniform(*self.sigma)
            results['img'] = for_channels(lambda channels: cv2.GaussianBlur(channels, (0, 0), sigma), results['img'])
        return results


@TRANSFORMS.register_module()
class RandomMotionBlur(BaseTransform):
    """Blur ``img``, (h, w, 3) uint8, along a line of random direction.

    Args:
        prob: Probability that the image is blurred.
        lengths: Possible lengths of the line in pixels. They must be odd, so that the image is not shifted.

    Raises:
        ConfigError: If a length is even or below 3, or ``prob`` is not from 0 to 1.
    """

    def __init__(self, prob: float = 0.10, lengths: tuple[int, ...] = (3, 5, 7)) -> None:
        self.prob = check_number(self, 'prob', prob, high=1)
        self.lengths = tuple(lengths)
        if any(length < 3 or length % 2 == 0 for length in self.lengths):
            raise ConfigError(f'RandomMotionBlur: lengths must be odd and at least 3, not {lengths}')

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        if np.random.random() < self.prob:
            kernel = line_kernel(int(np.random.choice(self.lengths)), np.random.uniform(0, 180))
            results['img'] = for_channels(lambda channels: cv2.filter2D(channels, -1, kernel), results['img'])
        return results


def line_kernel(length: int, degrees: float) -> np.ndarray:
    """Return a kernel with equal weights along a line through its centre.

    Args:
        length: Length of the line in pixels, odd.
        degrees: Angle of the line, clockwise from the x axis.

    Returns:
        (length, length) float32, summing to 1.
    """
    middle = length // 2
    across, down = middle * np.cos(np.deg2rad(degrees)), middle * np.sin(np.deg2rad(degrees))
    kernel = np.zeros((length, length), np.float32)
    start = (round(middle - across), round(middle - down))
    # The end is opposite to the start, so that the centre of mass of the kernel is its centre.
    cv2.line(kernel, start, (2 * middle - start[0], 2 * middle - start[1]), 1.0)
    kernel += kernel[::-1, ::-1]
    return kernel / kernel.sum()
