from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from aurora_mm.run_lengths import mask_of_polygons

_ELLIPSE_CORNERS = 360  # a polygon of so many corners is less than 0.04 pixels off at a radius of 1,000 pixels


@dataclass(frozen=True)
class Shape:
    """Something that was drawn in an image, or said about it.

    Args:
        kind: ``'polygon'`` for an area, also if it was painted; ``'rectangle'``, ``'point'``; or ``'class'`` for a
            class of the whole image.
        label: Its class; of a point, its name.
        points: (N, 2) x and y in pixels of the upright image, whose top left corner is (0, 0): the corners of an area,
            top left and bottom right of a rectangle, or one point. (0, 2) for a class and for an area that was painted.
        region: Gives the mask of an area that was painted, (H, W) bool.
        question: What a class answers, where an image has classes of several kinds.
        is_turned: Whether it is the box around a rotated one, which tools let reach beyond the image.
    """

    kind: str
    label: str
    points: np.ndarray
    region: Callable[[], np.ndarray] | None = None
    question: str = ''
    is_turned: bool = False

    @property
    def is_labelled(self) -> bool:
        """Whether its place is known: a point may be listed as not labelled."""
        return not np.isnan(self.points).any()

    def mask(self, size: tuple[int, int]) -> np.ndarray:
        """Return the pixels of an area as an (H, W) bool mask of an image of this (height, width)."""
        return mask_of_polygons([self.points.ravel().tolist()], size) if self.region is None else self.region()


def polygon(label: str, corners: Sequence[Sequence[float]]) -> Shape:
    """An area within three or more corners [x, y], see :class:`Shape`.

    Raises:
        ValueError: If there are fewer corners, or they are no finite numbers.
    """
    points = _finite(corners)
    if len(points) < 3:
        raise ValueError(f'a polygon of {len(points)} points')
    return Shape('polygon', label, points)


def ellipse(label: str, centre: Sequence[float], radii: Sequence[float], degrees: float = 0.0) -> Shape:
    """An area within an ellipse, see :class:`Shape`.

    Args:
        label: Its class.
        centre: x and y.
        radii: Along x and along y, before it is rotated.
        degrees: Of the rotation about the centre, clockwise as the image is seen.

    Raises:
        ValueError: If a radius is not above 0, or numbers are not finite.
    """
    along, across = _finite([radii])[0]
    if min(along, across) <= 0:
        raise ValueError(f'an ellipse of radii {along:g} and {across:g}')
    turns = np.linspace(0, 2 * np.pi, _ELLIPSE_CORNERS, endpoint=False)
    corners = np.stack([along * np.cos(turns), across * np.sin(turns)], 1)
    return Shape('polygon', label, _finite(centre_rotated(corners, degrees) + _finite([centre])))


def rectangle(label: str, box: Sequence[float], degrees: float = 0.0, pivot: Sequence[float] | None = None) -> Shape:
    """A box, see :class:`Shape`.

    Args:
        label: Its class.
        box: Two opposite corners, x1, y1, x2, y2, in any order.
        degrees: Of a rotation, clockwise as the image is seen. The box around the rotated one is taken.
        pivot: x and y of the point that it is rotated about; None for its centre.

    Raises:
        ValueError: If numbers are not finite.
    """
    x1, y1, x2, y2 = (float(value) for value in box)
    corners = _finite([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])
    if degrees:
        about = corners.mean(0) if pivot is None else _finite([pivot])[0]
        corners = _finite(centre_rotated(corners - about, degrees) + about)
    return Shape('rectangle', label, np.stack([corners.min(0), corners.max(0)]), is_turned=bool(degrees))


def point(name: str, place: Sequence[float] | None) -> Shape:
    """A landmark, see :class:`Shape`.

    Args:
        name: Its name.
        place: x and y; None for one that a file lists as not labelled, whose place is NaN.

    Raises:
        ValueError: If they are no finite numbers.
    """
    return Shape('point', name, np.full((1, 2), np.nan) if place is None else _finite([place]))


def image_class(label: str, question: str = '') -> Shape:
    """A class of the whole image, see :class:`Shape`."""
    return Shape('class', label, np.empty((0, 2)), question=question)


def mask_region(label: str, region: Callable[[], np.ndarray]) -> Shape:
    """An area that was painted, see :class:`Shape`."""
    return Shape('polygon', label, np.empty((0, 2)), region)


def centre_rotated(points: np.ndarray, degrees: float) -> np.ndarray:
    """Return points (N, 2) rotated about (0, 0), clockwise as an image is seen, whose y points down."""
    turn = np.deg2rad(degrees)
    cos, sin = np.cos(turn), np.sin(turn)
    return points @ np.array([[cos, sin], [-sin, cos]])


def _finite(points: Sequence[Sequence[float]] | np.ndarray) -> np.ndarray:
    values = np.array(points, float)
    if values.ndim != 2 or values.shape[1] != 2 or not np.isfinite(values).all():
        raise ValueError(f'points {str(points)[:60]}')
    return values
