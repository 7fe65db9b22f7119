"""How a probe sees the body: the map between the pixels of an image and the beams of a scan.

Legend: H x W pixels of the image, D x B samples of the scan (D depths along each of B beams). Image coordinates are
continuous pixels (x = 0 is the left edge of the image). Fractions ``u`` (across the beams, left to right) and ``v``
(along the depth, skin to far end) run from 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

DEPTHS, BEAMS = 384, 224
_MARGIN = 0.03  # black border, as a fraction of the image's side


@dataclass(frozen=True)
class View:
    """One probe's window on an image.

    Args:
        inside: (H, W) bool, the pixels that the probe sees; the rest of the image is black.
        pixel_of_beam: (D, B, 2) float32, the image x, y of every sample of the scan.
        beam_of_pixel: (H, W, 2) float32, the fractions u, v of every pixel; outside of 0..1 where ``inside`` is False.
    """

    inside: np.ndarray
    pixel_of_beam: np.ndarray
    beam_of_pixel: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the image in pixels."""
        height, width = self.inside.shape
        return height, width

    @property
    def scale(self) -> float:
        """The view's size in pixels: the side of a square of the same area."""
        return float(np.sqrt(self.inside.sum()))

    def point(self, u: float, v: float) -> np.ndarray:
        """Image x, y of the fractions ``u`` and ``v``, to the nearest sample."""
        row = int(np.clip(v * DEPTHS, 0, DEPTHS - 1))
        column = int(np.clip(u * BEAMS, 0, BEAMS - 1))
        return self.pixel_of_beam[row, column].astype(np.float64)

    def to_beams(self, image: np.ndarray) -> np.ndarray:
        """(H, W) float32 image -> (D, B) scan."""
        maps = self.pixel_of_beam - np.float32(0.5)  # cv2 counts from pixel centres
        return cv2.remap(image, maps[..., 0], maps[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def to_image(self, scan: np.ndarray) -> np.ndarray:
        """(D, B) float32 scan -> (H, W) image, its value outside the view being of no meaning."""
        maps = self.beam_of_pixel * np.array([BEAMS, DEPTHS], np.float32) - np.float32(0.5)
        return cv2.remap(scan, maps[..., 0], maps[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _pixel_centres(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    ys, xs = np.mgrid[:height, :width].astype(np.float32) + np.float32(0.5)
    return xs, ys


def _sample_fractions() -> tuple[np.ndarray, np.ndarray]:
    v, u = np.mgrid[:DEPTHS, :BEAMS].astype(np.float32) + np.float32(0.5)
    return u / BEAMS, v / DEPTHS


def _view(u: np.ndarray, v: np.ndarray, x: np.ndarray, y: np.ndarray) -> View:
    """A view from the (H, W) fractions of its pixels and the (D, B) coordinates of its samples."""
    inside = (u >= 0) & (u <= 1) & (v >= 0) & (v <= 1)
    return View(inside, np.stack([x, y], -1).astype(np.float32), np.stack([u, v], -1).astype(np.float32))


def linear_view(height: int, width: int) -> View:
    """A linear probe: parallel beams, a rectangle of tissue."""
    left, top = _MARGIN * width, _MARGIN * height
    wide, deep = width - 2 * left, height - 2 * top
    xs, ys = _pixel_centres(height, width)
    u, v = _sample_fractions()
    return _view((xs - left) / wide, (ys - top) / deep, left + u * wide, top + v * deep)


def sector_view(height: int, width: int, half_angle: float, face: float) -> View:
    """A curved or phased probe: beams that spread from one point above the skin, the largest that the image holds.

    Args:
        height: Of the image in pixels.
        width: Of the image in pixels.
        half_angle: Between the middle beam and the outermost, in radians, below pi / 2.
        face: Radius of the probe's face as a fraction of the radius of the far end: small for a phased array.
    """
    far = (1 - 2 * _MARGIN) * min(width / (2 * np.sin(half_angle)), height / (1 - face * np.cos(half_angle)))
    near = face * far
    apex_x = width / 2
    apex_y = (height - far - near * np.cos(half_angle)) / 2
    xs, ys = _pixel_centres(height, width)
    dx, dy = xs - apex_x, ys - apex_y
    u = (np.arctan2(dx, dy) / half_angle + 1) / 2
    v = (np.hypot(dx, dy) - near) / (far - near)
    across, along = _sample_fractions()
    angle = (2 * across - 1) * half_angle
    radius = near + along * (far - near)
    return _view(u, v, apex_x + radius * np.sin(angle), apex_y + radius * np.cos(angle))
