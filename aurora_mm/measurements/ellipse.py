"""Ellipses, in the units of their points."""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np


class Ellipse(NamedTuple):
    """An ellipse.

    Args:
        centre: x, y.
        long: Half of the long axis.
        short: Half of the short axis.
        angle: Of the long axis to the x axis, in radians.
    """

    centre: tuple[float, float]
    long: float
    short: float
    angle: float

    @property
    def circumference(self) -> float:
        """By Ramanujan's second approximation (1914), exact to 1e-5 for axes of up to 3 to 1."""
        h = ((self.long - self.short) / (self.long + self.short)) ** 2
        return math.pi * (self.long + self.short) * (1 + 3 * h / (10 + math.sqrt(4 - 3 * h)))

    def axis(self, is_long: bool) -> np.ndarray:
        """(2, 2) the ends of an axis."""
        angle = self.angle if is_long else self.angle + math.pi / 2
        half = np.array([math.cos(angle), math.sin(angle)]) * (self.long if is_long else self.short)
        return np.stack([self.centre - half, self.centre + half])

    def outline(self, count: int = 180) -> np.ndarray:
        """(count + 1, 2) points around the ellipse, the last equal to the first."""
        turns = np.linspace(0, 2 * math.pi, count + 1)
        x, y = self.long * np.cos(turns), self.short * np.sin(turns)
        c, s = math.cos(self.angle), math.sin(self.angle)
        return np.stack([self.centre[0] + c * x - s * y, self.centre[1] + s * x + c * y], axis=1)


def fit_ellipse(points: np.ndarray) -> Ellipse | None:
    """The least-squares ellipse through (N, 2) points (Fitzgibbon and Fisher, A Buyer's Guide to Conic Fitting, 1995).

    Returns:
        None for fewer than 5 points, or if they determine no ellipse.
    """
    if len(points) < 5:
        return None
    middle = points.mean(0)
    scale = float(np.abs(points - middle).max())
    if scale == 0:
        return None
    # OpenCV computes in float32: points near 0 and of size 100 keep their digits. Its `fitEllipseDirect` is off by
    # 1.5e-3 on exact ellipses, this one by 1e-6.
    (x, y), (first, second), degrees = cv2.fitEllipse(((points - middle) * (100 / scale)).astype(np.float32))
    if not (math.isfinite(first) and math.isfinite(second) and min(first, second) > 0):
        return None
    unit = scale / 100
    angle = math.radians(degrees if first >= second else degrees + 90)
    long, short = max(first, second) / 2 * unit, min(first, second) / 2 * unit
    return Ellipse((middle[0] + x * unit, middle[1] + y * unit), long, short, angle)
