"""Masks of any layout as class indices."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from aurora_mm.converters.mask_values import to_class_indices
from aurora_mm.datasets.masks import read_mask_values
from aurora_mm.errors import DataError
from aurora_mm.images.image_faults import naming
from aurora_mm.images.image_header import BadImage
from aurora_mm.images.reading import open_image_file, read_image
from aurora_mm.images.volume_file import VolumeFile
from aurora_mm.importing.mask_colours import MaskValue, colour_code, colour_codes, colour_name

_LOSSY = ('.jpg', '.jpeg', '.jpe')
_GREY_BY = 16  # difference of channels that JPEG makes of a grey picture
_NEAR = 32  # how far JPEG moves most values
_MOST_FAR = 0.05  # part of the pixels that may be farther: those at edges


def mask_values_of(file: Path, frame: int = 0) -> np.ndarray:
    """(H, W) values of a mask as they are stored, of a picture file or a slice of a volume.

    Raises:
        DataError: If it cannot be read, or holds values that are no integers from 0 to 255.
    """
    values = _stored_values(file, frame)
    wrong = values[(values < 0) | (values > 255) | (values != np.floor(values))]
    if wrong.size:
        raise DataError(
            f'this mask has values such as {wrong.flat[0]}, which are no whole numbers from 0 to 255; say which value '
            'each class has, the background first: --mask-values 0 ...',
            file=file,
        )
    return values.astype(np.uint8)


def values_in(file: Path) -> set[int]:
    """The values of a mask, of all slices where it is a volume.

    Raises:
        DataError: As :func:`mask_values_of`.
    """
    count = 1
    if file.name.lower().endswith(VolumeFile.suffixes):
        with naming(file, 'mask'):
            count = open_image_file(file).frames
    return {int(value) for frame in range(count) for value in np.unique(mask_values_of(file, frame))}


def _stored_values(file: Path, frame: int) -> np.ndarray:
    try:
        if file.name.lower().endswith(VolumeFile.suffixes):
            volume = open_image_file(file)
            assert isinstance(volume, VolumeFile)
            if not volume.has_frame(frame):
                raise BadImage(f'has {volume.frames} slices, fewer than its image')
            values = volume.values[frame]
            if values.ndim != 2:
                raise BadImage('has colours, which are no classes')
        else:
            values, orientation = read_mask_values(file)
            if orientation != 1:
                raise BadImage('is stored turned by its EXIF data; save it upright')
    except BadImage as bad:
        raise DataError(f'this mask {bad}', file=file) from bad
    return values


def class_indices(file: Path, values: Sequence[MaskValue] | None, count: int, frame: int = 0) -> np.ndarray:
    """A mask as (H, W) uint8 class indices.

    Args:
        file: Of the mask.
        values: The value of each class, all numbers or all colours; None means that values are indices already. A JPEG
            file, which changes values a little, is read by the nearest of them.
        count: Of the classes, the background counted.
        frame: Of a volume.

    Raises:
        DataError: If it cannot be read or has a value that is none of a class.
    """
    if values is not None and any(isinstance(value, str) for value in values):
        return _by_colour(file, [colour_code(value) for value in values])
    if values is not None and file.suffix.lower() in _LOSSY:
        return _nearest(file, [int(value) for value in values])
    if values is None:
        mask = mask_values_of(file, frame)
        if mask.max(initial=0) >= count:
            found = ' '.join(map(str, np.unique(mask)[:10]))
            raise DataError(
                f'this mask has the values {found}, but there are {count} classes; if they stand for classes, say so '
                f'in order: --mask-values {found} (mask_values among the options of a recipe)',
                file=file,
            )
        return mask
    try:
        return to_class_indices(_stored_values(file, frame), [int(value) for value in values])
    except BadImage as bad:
        raise DataError(f'this mask {bad}', file=file) from bad


def _by_colour(file: Path, codes: Sequence[int]) -> np.ndarray:
    """(H, W) uint8, the class whose colour each pixel has; transparency does not count.

    Raises:
        DataError: If the file cannot be read or has another colour.
    """
    with naming(file, 'mask'):
        found = colour_codes(read_image(file).pixels)
    others = np.setdiff1d(found, codes)
    if others.size:
        names, known = (' '.join(map(colour_name, some)) for some in (others[:10].tolist(), codes))
        raise DataError(f'this mask has the colours {names} besides {known}', file=file)
    return to_class_indices(found, codes)


def union_of(files: Sequence[Path]) -> np.ndarray:
    """(H, W) uint8, 1 where any of several masks of one size is not 0.

    Raises:
        DataError: If one cannot be read or has another size.
    """
    masks = [mask_values_of(file) > 0 for file in files]
    for file, mask in zip(files, masks, strict=True):
        if mask.shape != masks[0].shape:
            raise DataError(
                f'this mask has (height, width) {mask.shape}, but {files[0].name} {masks[0].shape}', file=file
            )
    return np.logical_or.reduce(masks).astype(np.uint8)


def _nearest(file: Path, values: Sequence[int]) -> np.ndarray:
    """(H, W) uint8, the class whose value is nearest, for masks that JPEG has blurred.

    Raises:
        DataError: If the file cannot be read, has colours, or values that are far from all.
    """
    try:
        pixels = read_image(file).pixels.astype(np.int16)
    except BadImage as bad:
        raise DataError(f'this mask {bad}', file=file) from bad
    if np.ptp(pixels, axis=2).max() > _GREY_BY:
        raise DataError('this mask has colours, which are no classes', file=file)
    distances = np.abs(pixels.mean(axis=2)[..., None] - np.array(values))
    far = (distances.min(axis=-1) > _NEAR).mean()
    if far > _MOST_FAR:
        raise DataError(f'this mask has other values than {list(values)} in {far:.0%} of its pixels', file=file)
    return distances.argmin(axis=-1).astype(np.uint8)
