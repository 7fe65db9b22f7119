"""What a scanner shows around the ultrasound: margins, text, a depth scale and a grey bar."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from aurora_mm.phantoms.geometry import View

_TEXT = 230  # grey level


@dataclass(frozen=True)
class Screen:
    """A screen with the ultrasound in it.

    Args:
        margins: Left, top, right and bottom margin, as fractions of the longer side of the ultrasound image.
        background: Grey level around the ultrasound.
        top: Lines of text at the top left; each ``{}`` becomes a number.
        bottom: Lines of text at the bottom left.
        has_scale: Whether there are marks of depth at the right edge.
        has_bar: Whether there is a grey bar at the left edge.
    """

    margins: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    background: int = 0
    top: tuple[str, ...] = ()
    bottom: tuple[str, ...] = ()
    has_scale: bool = False
    has_bar: bool = False

    def around(self, view: View) -> View:
        """Return a view in the middle of the screen, in whose coordinates all structures are drawn."""
        return view.padded(*(round(margin * max(view.shape)) for margin in self.margins))

    def show(self, image: np.ndarray, view: View, rng: np.random.Generator) -> np.ndarray:
        """Draw the screen around an image.

        Args:
            image: (H, W) uint8. What lies outside of the view is overwritten.
            view: The view, which :meth:`around` returned.
            rng: Random number generator, for the numbers in the text.

        Returns:
            (H, W) uint8.
        """
        height, width = view.shape
        shown = np.full((height, width), self.background, np.uint8)
        size = max(height, width)
        line, scale = round(0.036 * size), 0.001 * size
        for number, text in enumerate(self.top):
            self._write(shown, text, (number + 1) * line, scale, rng)
        for number, text in enumerate(reversed(self.bottom)):
            self._write(shown, text, height - 4 - number * line, scale, rng)
        if self.has_scale:
            rows = np.flatnonzero(view.inside.any(axis=1))
            for y in np.linspace(rows[0], rows[-1], 9).round().astype(int).tolist():
                cv2.line(shown, (width - 9, y), (width - 4, y), _TEXT, 1)
        if self.has_bar:
            top, bottom = height // 4, 3 * height // 4
            shown[top:bottom, 4:10] = np.linspace(255, 0, bottom - top).round().astype(np.uint8)[:, None]
        shown[view.inside] = image[view.inside]
        return shown

    def _write(self, shown: np.ndarray, text: str, baseline: int, scale: float, rng: np.random.Generator) -> None:
        text = text.format(*(f'{rng.uniform(0.3, 9.9):.1f}' for _ in range(text.count('{}'))))
        cv2.putText(shown, text, (4, baseline), cv2.FONT_HERSHEY_SIMPLEX, scale, _TEXT, 1, cv2.LINE_AA)
