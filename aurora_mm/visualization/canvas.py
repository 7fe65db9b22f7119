"""A picture on which shapes and names are drawn."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from aurora_mm.visualization.text import put_text, text_size

Colour = tuple[int, int, int]
_BLACK: Colour = (0, 0, 0)
_SHIFT = 4  # OpenCV's coordinates are in 1 / 2 ** shift of a pixel


class Canvas:
    """An image on which shapes are drawn immediately, and names at the end, where they cover no shape.

    Coordinates are pixels of the original image, with x = 0 at its left edge. Line widths and font sizes depend on the
    size of the picture. Every line has a dark edge, so that it is visible on light and dark images.

    Args:
        image: The original image, ``(H, W, 3)`` RGB uint8; it does not change.
        scale: Pixels of the picture per pixel of the image.

    Attributes:
        pixels (np.ndarray): The picture, ``(h, w, 3)`` RGB uint8.
        unit (int): Line width in pixels.
        font (int): Font size in pixels.
    """

    def __init__(self, image: np.ndarray, scale: float = 1.0) -> None:
        size = [max(round(side * scale), 1) for side in image.shape[1::-1]]
        same = tuple(size) == image.shape[1::-1]
        self.pixels = image.copy() if same else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        self.scale = np.array([size[0] / image.shape[1], size[1] / image.shape[0]])
        self.unit, self.font = line_width(self.pixels.shape), letter_size(self.pixels.shape)
        self._occupied = np.zeros(self.pixels.shape[:2], np.uint8)
        self._names: list[tuple[str, np.ndarray, Colour]] = []
        self._crosses: list[tuple[np.ndarray, Colour]] = []

    def fill(self, mask: np.ndarray, colour: Colour, alpha: float) -> None:
        """Fill a region and draw its outline.

        Args:
            mask: ``(H, W)`` bool at the size of the original image.
            colour: RGB.
            alpha: Opacity of the filling, in [0, 1].
        """
        region = cv2.resize(mask.astype(np.uint8), self.pixels.shape[1::-1], interpolation=cv2.INTER_NEAREST)
        inside = region.astype(bool)
        self.pixels[inside] = (1 - alpha) * self.pixels[inside] + alpha * np.array(colour)
        self._occupied |= region
        contours, _ = cv2.findContours(region, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        for paint, width in ((_BLACK, self.unit + 2), (colour, self.unit)):
            cv2.drawContours(self.pixels, contours, -1, paint, width, cv2.LINE_AA)

    def line(self, points: np.ndarray, colour: Colour, is_closed: bool = False) -> None:
        """Draw a line through points (N, 2); no name is written into a closed one."""
        corners = self._corners(points)
        cv2.polylines(self._occupied, [corners], is_closed, 1, self.unit + 2, cv2.LINE_8, _SHIFT)
        if is_closed:
            cv2.fillPoly(self._occupied, [corners], 1, cv2.LINE_8, _SHIFT)
        for paint, width in ((_BLACK, self.unit + 2), (colour, self.unit)):
            cv2.polylines(self.pixels, [corners], is_closed, paint, width, cv2.LINE_AA, _SHIFT)

    def caliper(self, points: np.ndarray, colour: Colour) -> None:
        """Draw a measured line through points (N, 2), with bars across its ends unless it is closed."""
        is_closed = len(points) > 2 and np.allclose(points[0], points[-1])
        self.line(points, colour, is_closed)
        if len(points) < 2 or is_closed:
            return
        for end, before in ((points[0], points[1]), (points[-1], points[-2])):
            along = (end - before) * self.scale
            across = np.array([-along[1], along[0]]) / max(float(np.linalg.norm(along)), 1e-9)
            bar = across * (3 * self.unit + 2) / self.scale
            self.line(np.stack([end - bar, end + bar]), colour)

    def box(self, corners: np.ndarray, colour: Colour) -> None:
        """Draw a box (4,), xyxy."""
        x1, y1, x2, y2 = corners
        self.line(np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]]), colour, is_closed=True)

    def cross(self, point: np.ndarray, colour: Colour) -> None:
        """Draw a cross at a point (2,), above shapes that are drawn later."""
        arm = (5 * self.unit + 1) / self.scale
        self._crosses += [(np.stack([point - arm * way, point + arm * way]), colour) for way in np.eye(2)]

    def name(self, text: str, place: np.ndarray, colour: Colour) -> None:
        """Write a name near a place (2,), after all shapes are drawn."""
        self._names.append((text, np.asarray(place, float) * self.scale, colour))

    def finish(self) -> list[tuple[str, Colour]]:
        """Draw crosses and write names.

        Returns:
            The names for which there was no free place in the picture, with their colours.
        """
        for line, colour in self._crosses:
            self.line(line, colour)
        self._crosses.clear()
        left = []
        for text, place, colour in self._names:
            corner = self._free_corner(text, place)
            if corner is None:
                left.append((text, colour))
                continue
            put_text(self.pixels, text, corner, self.font, colour)
            width, height = text_size(text, self.font)
            self._occupied[corner[1] : corner[1] + height, corner[0] : corner[0] + width] = 1
        self._names.clear()
        return left

    def _corners(self, points: np.ndarray) -> np.ndarray:
        # Half a pixel less, because OpenCV's coordinates refer to the centres of pixels.
        corners = np.asarray(points, float) * self.scale - 0.5
        limit = 2.0**25 / 2**_SHIFT
        return np.round(np.nan_to_num(corners).clip(-limit, limit) * 2**_SHIFT).astype(np.int32).reshape(-1, 1, 2)

    def _free_corner(self, text: str, place: np.ndarray) -> tuple[int, int] | None:
        """Return the upper left corner of the nearest free box for a name, or None if all are far away."""
        width, height = text_size(text, self.font)
        free = _free_boxes(self._occupied, width, height)
        if not free.any() or not np.isfinite(place).all():
            return None
        rows, columns = np.nonzero(free)
        # Distance from the place to the nearest point of the box.
        dx = np.maximum(np.maximum(columns - place[0], place[0] - columns - width), 0)
        dy = np.maximum(np.maximum(rows - place[1], place[1] - rows - height), 0)
        distance = np.hypot(dx, dy) + 1e-3 * np.hypot(columns + width / 2 - place[0], rows + height / 2 - place[1])
        best = int(np.argmin(distance))
        if distance[best] > max(self.pixels.shape) / 3:
            return None
        return int(columns[best]), int(rows[best])


def line_width(shape: Sequence[int]) -> int:
    """Return the line width in pixels for a picture of this (height, width)."""
    return max(round((shape[0] * shape[1]) ** 0.5 / 400), 1)


def letter_size(shape: Sequence[int]) -> int:
    """Return the font size in pixels for a picture of this (height, width)."""
    return max(round((shape[0] * shape[1]) ** 0.5 / 42), 11)


def _free_boxes(occupied: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return where the upper left corner of a free box of a size can be, (h, w) bool."""
    rows, columns = occupied.shape[0] - height + 1, occupied.shape[1] - width + 1
    if rows < 1 or columns < 1:
        return np.zeros((0, 0), bool)
    sums = cv2.integral(occupied)
    total = sums[height:, width:] - sums[:rows, width:] - sums[height:, :columns] + sums[:rows, :columns]
    return total == 0
