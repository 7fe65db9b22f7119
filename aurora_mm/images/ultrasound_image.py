from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from aurora_mm.images.image_header import BadImage
from aurora_mm.images.pixel_spacing import impossible_spacing


class UltrasoundImage(NamedTuple):
    """One picture, as every reader of image files gives it.

    Args:
        pixels: (H, W, 3) uint8 BGR, upright. The channels of a grey picture may share memory, so that the
            array is read-only, see :mod:`aurora_mm.images.shared_channels`.
        source: What was read: a path, followed by ``#frame=N`` where the file holds several pictures.
        orientation: How the file stores the picture, 1 (upright) to 8 as EXIF counts.
        pixel_spacing: (height, width) of a pixel in mm as the file says it, even where that is impossible, see
            :attr:`spacing_fault`; None where it does not, or where it says different things for different parts of the
            picture.
        region: xyxy in pixels, the part that shows ultrasound, where the file says it; its last row and column are
            y2 - 1 and x2 - 1, in pixels of the picture that was not reduced.
        ori_shape: (H, W) of the upright picture before ``reduction``; None if it was not reduced.
        reduction: Number of original pixels along a side of each pixel. The last row and column may reach beyond the
            original picture.
    """

    pixels: np.ndarray
    source: str
    orientation: int = 1
    pixel_spacing: tuple[float, float] | None = None
    region: tuple[int, int, int, int] | None = None
    ori_shape: tuple[int, int] | None = None
    reduction: int = 1

    def facts(self, spacing: tuple[float, float] | None = None) -> dict[str, Any]:
        """Return ``pixel_spacing`` and ``region``, those that are known, as the rows of a pipeline hold them.

        A spacing that the file says counts as unknown if the image cannot have it; the caller tells
        :attr:`spacing_fault`.

        Args:
            spacing: (height, width) of a pixel in mm that a user gives; None takes what the file says.

        Raises:
            BadImage: If the image cannot have the given spacing.
        """
        if spacing is not None and (why := impossible_spacing(spacing, self.shape)) is not None:
            raise BadImage(why)
        of_file = None if self.spacing_fault else self.pixel_spacing
        facts = dict(pixel_spacing=spacing or of_file, region=self.region)
        return {key: value for key, value in facts.items() if value is not None}

    @property
    def spacing_fault(self) -> str | None:
        """Why the spacing that the file says is not taken, to follow its name; None if it is, or none is said."""
        why = None if self.pixel_spacing is None else impossible_spacing(self.pixel_spacing, self.shape)
        return why and f'{why}; what its header says is not taken'

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) of the upright picture, whether or not it was reduced."""
        return self.ori_shape or (self.pixels.shape[0], self.pixels.shape[1])
