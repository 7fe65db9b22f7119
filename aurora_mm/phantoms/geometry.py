"""Geometry of ultrasound probes: the map between the pixels of an image and the beams of a scan.

Legend: H x W pixels of the image, D x B samples of the scan (D depths along each of B beams). Image coordinates are
continuous pixels (x = 0 is the left edge of the image). Fractions ``u`` (across the beams, from left to right) and
``v`` (along the depth, from the skin to the far end) are between 0 and 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

DEPTHS, BEAMS = 384, 224
_MARGIN = 0.03  # black border, as a fraction of the image's side


@dataclass(frozen=True)
class View:
    """Field of view of a probe in an image.

    Args:
        inside: (H, W) bool mask of the field of view. Other pixels are black.
        pixel_of_beam: (D, B, 2) float32 image coordinates x, y of each sample of the scan.
        beam_of_pixel: (H, W, 2) float32 fractions u, v of each pixel. They are not within 0 to 1 outside of the field
            of view.
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
        """Size of the field of view in pixels: the side of a square with the same area."""
        return float(np.sqrt(self.inside.sum()))

    @property
    def depth(self) -> float:
        """Length of the beam in the middle, from the probe to the far end, in pixels."""
        first, last = self.pixel_of_beam[[0, -1], BEAMS // 2]  # the centres of samples
        return float(np.hypot(*(last - first))) * DEPTHS / (DEPTHS - 1)

    def point(self, u: float, v: float) -> np.ndarray:
        """Return the image coordinates x, y of the sample nearest to the fractions ``u`` and ``v``."""
        row = int(np.clip(v * DEPTHS, 0, DEPTHS - 1))
        column = int(np.clip(u * BEAMS, 0, BEAMS - 1))
        return self.pixel_of_beam[row, column].astype(np.float64)

    def padded(self, left: int, top: int, right: int, bottom: int) -> View:
        """Return the view in an image with margins of so many pixels, which lie outside of the field of view."""
        margins = ((top, bottom), (left, right))
        return View(
            np.pad(self.inside, margins),
            self.pixel_of_beam + np.array([left, top], np.float32),
            np.pad(self.beam_of_pixel, (*margins, (0, 0)), mode='edge'),
        )

    def to_beams(self, image: np.ndarray) -> np.ndarray:
        """Resample a (H, W) float32 image to a (D, B) scan."""
        maps = self.pixel_of_beam - np.float32(0.5)  # cv2 counts from pixel centres
        return cv2.remap(image, maps[..., 0], maps[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def to_image(self, scan: np.ndarray) -> np.ndarray:
        """Resample a (D, B) float32 scan to a (H, W) image. Pixels outside of the field of view are not defined."""
        maps = self.beam_of_pixel * np.array([BEAMS, DEPTHS], np.float32) - np.float32(0.5)
        return cv2.remap(scan, maps[..., 0], maps[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _pixel_centres(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    ys, xs = np.mgrid[:height, :width].astype(np.float32) + np.float32(0.5)
    return xs, ys


def _sample_fractions() -> tuple[np.ndarray, np.ndarray]:
    v, u = np.mgrid[:DEPTHS, :BEAMS].astype(np.float32) + np.float32(0.5)
    return u / BEAMS, v / DEPTHS


def _view(u: np.ndarray, v: np.ndarray, x: np.ndarray, y: np.ndarray) -> View:
    """Create a view from the (H, W) fractions of its pixels and the (D, B) coordinates of its samples."""
    inside = (u >= 0) & (u <= 1) & (v >= 0) & (v <= 1)
    return View(inside, np.stack([x, y], -1).astype(np.float32), np.stack([u, v], -1).astype(np.float32))


def linear_view(height: int, width: int) -> View:
    """Create the view of a linear probe, with parallel beams, in an image of a height and width in pixels."""
    left, top = _MARGIN * width, _MARGIN * height
    wide, deep = width - 2 * left, height - 2 * top
    xs, ys = _pixel_centres(height, width)
    u, v = _sample_fractions()
    return _view((xs - left) / wide, (ys - top) / deep, left + u * wide, top + v * deep)


def sector_view(height: int, width: int, half_angle: float, face: float) -> View:
    """Create the largest view of a convex or phased-array probe, with beams that spread from one point, in an image.

    Args:
        height: Height of the image in pixels.
        width: Width of the image in pixels.
        half_angle: Angle between the middle beam and the outermost beam, in radians, below pi / 2.
        face: Radius of the face of the probe as a fraction of the radius of the far end. It is small for a phased
            array.
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
