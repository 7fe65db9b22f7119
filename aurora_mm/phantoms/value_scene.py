"""Phantoms of tasks that predict a number."""

from __future__ import annotations

from aurora_mm.phantoms.canvas import Canvas, Look
from aurora_mm.phantoms.scene import Phantom, Scene

_LOOK = Look(-32, rim=10, loss=-5)  # fluid in a bright wall


class ValueScene(Scene):
    """Draws one structure; the number is the part of the image that it covers, in percent.

    It does not depend on the resolution of the image, nor on the size of the network input.
    """

    @property
    def folder(self) -> str:
        return 'Regression'

    def paint(self, canvas: Canvas, index: int) -> Phantom:
        outline = canvas.place(canvas.rng.uniform(0.08, 0.4))
        covered = canvas.paint(outline, _LOOK)
        return Phantom(canvas.render(), {'value': round(100 * float(covered.mean()), 2)})
