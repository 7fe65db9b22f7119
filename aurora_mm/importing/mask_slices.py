"""Whether a mask of a volume belongs to its image slice by slice."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from aurora_mm.errors import DataError
from aurora_mm.images.image_faults import naming
from aurora_mm.images.reading import open_image_file
from aurora_mm.images.volume_file import VolumeFile

_NEAR = 0.01  # largest difference of directions, which are parts of 1


def check_mask_slices(image: Path, mask: Path, count: int) -> None:
    """Check that a mask has the slices of its image, and that both are stored in one order of rows and columns.

    Viewers of volumes may save a mask in another order than its image, and note the order in the header. Pixels are
    taken here as they are stored, so that such a mask would be mirrored.

    Args:
        image: Path of the image file.
        mask: Path of the mask file.
        count: Of the slices, frames or pages of the image.

    Raises:
        DataError: If the mask has another number of slices, the headers of both say different directions, or a file
            cannot be read.
    """
    with naming(mask, 'mask'):
        of_mask = open_image_file(mask)
        slices = of_mask.frames
    if slices != count:
        raise DataError(f'this mask has {slices} slices, but its image {image} has {count}', file=mask)
    with naming(image):
        of_image = open_image_file(image)
    if not (isinstance(of_image, VolumeFile) and isinstance(of_mask, VolumeFile)):
        return
    first, second = of_image.direction, of_mask.direction
    if first is None or second is None or len(first) != len(second):
        return
    if not np.allclose(first, second, atol=_NEAR):
        raise DataError(
            f'this mask lies in the directions {_shown(second)}, but its image {image} in {_shown(first)}: they may be '
            'mirrored or turned against each other; save both in one orientation',
            file=mask,
        )


def _shown(direction: tuple[float, ...]) -> str:
    return ' '.join(f'{value + 0:.3g}' for value in np.round(direction, 3))
