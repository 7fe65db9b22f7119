"""Patterns that show the class of an image.

A pattern is a function ``(canvas, label, number)`` that draws an image of class ``label`` of ``number`` classes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from aurora_mm.phantoms.canvas import Canvas, Look
from aurora_mm.phantoms.geometry import BEAMS, DEPTHS
from aurora_mm.phantoms.shapes import blob
from aurora_mm.phantoms.speckle import smooth_noise

Pattern = Callable[[Canvas, int, int], None]

_DARK, _BRIGHT = Look(-32, rim=8, loss=-4), Look(17, loss=4)


def lesion_level(canvas: Canvas, label: int, number: int) -> None:
    """Draw one large lesion, from fluid (class 0) to calcified (the last class)."""
    level = -32 + 50 * label / (number - 1)
    canvas.paint(canvas.place(canvas.rng.uniform(0.22, 0.34)), Look(level, rim=14, loss=level / 5))


def coarseness(canvas: Canvas, label: int, number: int) -> None:
    """Draw tissue with irregular patches, which are smaller and brighter the higher the class is."""
    cells = round(3 * (24 / 3) ** (label / (number - 1)))
    patches = smooth_noise(canvas.rng, (DEPTHS, BEAMS), cells)
    canvas.echo += canvas.view.to_image((10 * np.tanh(2 * patches)).astype(np.float32)) + 8 * label / (number - 1)


def artefact_lines(canvas: Canvas, label: int, number: int) -> None:
    """Draw a lung: A-lines (class 0), B-lines (class 1) or a consolidation (class 2)."""
    rng = canvas.rng
    v, u = np.mgrid[:DEPTHS, :BEAMS].astype(np.float32) / np.array([DEPTHS, BEAMS], np.float32).reshape(2, 1, 1)
    pleura = rng.uniform(0.12, 0.2)
    lines = 22 * np.exp(-(((v - pleura) / 0.014) ** 2)) - 10 * (v > pleura)
    if label == 0:
        for order in range(2, int(0.98 / pleura) + 1):
            lines += 20 * np.exp(-(((v - order * pleura) / 0.016) ** 2))
    elif label == 1:
        for middle in (np.arange(4) + rng.uniform(0.2, 0.8, 4)) / 4:
            lines += 24 * np.exp(-(((u - middle) / 0.035) ** 2)) * (v > pleura)
    canvas.echo += canvas.view.to_image(lines.astype(np.float32))
    if label == 2:
        canvas.paint(canvas.place(rng.uniform(0.26, 0.36), v=(0.4, 0.75)), Look(6, rim=16))


_MIDDLE, _ANYWHERE = (0.42, 0.58), (0.0, 1.0)
# For each arrangement: radius, aspect, and for each of its bodies the range of the centre across the beams.
_ARRANGEMENTS = (
    (0.36, 0.95, (_MIDDLE,)),  # one round body
    (0.48, 0.25, (_MIDDLE,)),  # a long band
    (0.21, 0.90, ((0.15, 0.32), (0.68, 0.85))),  # a pair
    (0.075, 0.95, (_ANYWHERE,) * 9),  # many small ones
)


def organ(canvas: Canvas, label: int, number: int) -> None:
    """Draw one of four arrangements of bodies, which are dark in even classes and bright in odd classes."""
    rng = canvas.rng
    radius, aspect, ranges = _ARRANGEMENTS[label // 2]
    free = canvas.view.inside.copy()
    for u in ranges:
        v = _ANYWHERE if u is _ANYWHERE else (0.4, 0.65)
        size, angle = radius * rng.uniform(0.85, 1.1), rng.uniform(-0.3, 0.3)
        outline = canvas.place(size, free=free, u=u, v=v, aspect=aspect, angle=angle)
        free &= ~canvas.paint(outline, (_DARK, _BRIGHT)[label % 2])


def position(canvas: Canvas, label: int, number: int) -> None:
    """Draw a bright head off centre, in a direction that depends on the class: class 0 right, then clockwise."""
    rng, view = canvas.rng, canvas.view
    angle = 2 * np.pi * (label + rng.uniform(-0.25, 0.25)) / number
    rows, columns = np.nonzero(view.inside)
    middle = np.array([columns.mean() + 0.5, rows.mean() + 0.5])
    reach = rng.uniform(0.26, 0.34) * view.scale
    centre = middle + reach * np.array([np.cos(angle), np.sin(angle)])
    outline = blob(rng, centre, rng.uniform(0.13, 0.18) * view.scale, aspect=0.9, angle=angle)
    canvas.paint(outline, Look(17, rim=22, loss=4))


FEW_CLASSES: tuple[Pattern, ...] = (lesion_level, coarseness, artefact_lines)
"""Patterns for tasks of two or three classes."""

ORGAN_CLASSES = 2 * len(_ARRANGEMENTS)
"""Largest number of classes for :func:`organ`."""
