from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.logging import print_log

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.images.image_files import as_bgr
from aurora_mm.images.image_header import BadImage
from aurora_mm.images.pixel_cache import PixelCache
from aurora_mm.images.pixel_spacing import impossible_spacing, is_same_spacing
from aurora_mm.images.reading import read_image
from aurora_mm.images.retries import read_with_retries
from aurora_mm.images.sources import split_source
from aurora_mm.images.ultrasound_image import UltrasoundImage
from aurora_mm.registry import TRANSFORMS

_TOLD_FILES: set[str] = set()  # CSV files, or images of none, of whose spacing this process said what is wrong


@TRANSFORMS.register_module()
class LoadUltrasoundImage(BaseTransform):
    """Read the image file ``img_path`` as an upright 8-bit BGR image.

    Grey images get three equal channels. Transparency is ignored. Images are rotated and flipped by their EXIF
    orientation. 16-bit values v are converted to ``v >> (depth - 8)``, where ``depth`` is the number of bits that the
    file declares (MaxSampleValue of TIFF, sBIT of PNG). Without a declaration it is the smallest of 8, 10, 12, 14 and
    16 with which the largest value of the image can be represented.

    DICOM, NIfTI, MetaImage and video files are supported. ``#frame=N`` at the end of the path selects a frame, from 0.

    A missing file is looked for again twice within five seconds, because a network disk may be unavailable for a
    moment (:mod:`aurora_mm.images.retries`).

    If ``results`` already contains ``img``, (H, W, 3) BGR or (H, W) grey, uint8 or uint16, that image is converted and
    no file is read.

    Sets:
        img (np.ndarray): (H, W, 3) uint8 BGR. The channels of a grey image share memory, see
            :mod:`aurora_mm.images.shared_channels`.
        img_coordinates (str): ``'original'``, until ApplyGeometry warps the image.
        ori_shape (tuple[int, int]): (H, W) of the upright image.
        img_shape (tuple[int, int]): (H, W) of the upright image, until FitToSize changes it.
        orientation (int): EXIF orientation of the file, from 1 (upright) to 8.
        homography_matrix (np.ndarray): (3, 3), the identity.
        flip (bool): False.
        reduction (int): Original pixels along a side of a pixel of ``img``: 1, or 2, 4 or 8 with ``least_side``. All
            other keys are about the original image.
        pixel_spacing (tuple[float, float]): (height, width) of an original pixel in mm, if the item or the file says
            so. That of the item stands, because a file that was resampled may have kept an old header; if a row of a
            CSV file differs from its image file by more than 1 %, the log says so, once for each CSV file. A spacing
            with which the image would show less than 1 mm or more than 1 m is left out; the log says that too.
        region (tuple[int, int, int, int]): xyxy in original pixels, the part that shows ultrasound, if the file or the
            item says so.

    Args:
        depth: Number of bits of 16-bit images that do not declare it, from 8 to 16. Set it if all images are from one
            scanner. None determines it for each image.
        least_side: Reduce JPEG images to 1/2, 1/4 or 1/8 while they are decoded, which is faster, if both sides then
            still have this many pixels. Choose the side of the network input, times the largest scale of
            RandomGeometry. The pipeline needs ApplyGeometry. None never reduces.
        cache: Arguments of :class:`aurora_mm.images.pixel_cache.PixelCache`: ``folder`` and ``max_gb``. Decoded images
            are kept there and not decoded again. None keeps none.

    Raises:
        DataError: If the image cannot be read as a single 8-bit or 16-bit image, see
            :func:`aurora_mm.images.reading.read_image`.
        ConfigError: If ``depth``, ``least_side`` or ``cache`` is not valid, or the image was already loaded.
        OutputError: If the cache cannot be written.
    """

    def __init__(
        self, depth: int | None = None, least_side: int | None = None, cache: Mapping[str, Any] | None = None
    ) -> None:
        if depth is not None and (isinstance(depth, bool) or not isinstance(depth, int) or not 8 <= depth <= 16):
            raise ConfigError(f'LoadUltrasoundImage: depth must be 8 to 16 bits, not {depth!r}')
        if least_side is not None and (not isinstance(least_side, int) or least_side < 1):
            raise ConfigError(f'LoadUltrasoundImage: least_side must be a number of pixels, not {least_side!r}')
        self.depth = depth
        self.least_side = least_side
        self.cache = None if cache is None else _cache(cache)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        if 'img_coordinates' in results:
            raise ConfigError('LoadUltrasoundImage must come once in the pipeline: it resets the geometry of the image')
        image = self.read(results)
        _tell_spacing(results, image)
        return self.filled(results, image)

    def read(self, row: Mapping[str, Any]) -> UltrasoundImage:
        """Return the image of a row, with the facts of its file.

        Args:
            row: It has ``img`` or ``img_path``.

        Raises:
            DataError: As the class.
        """
        try:
            if 'img' in row:
                return UltrasoundImage(as_bgr(row['img'], self.depth), row.get('img_path', ''))
            return self._read(row['img_path'])
        except BadImage as bad:
            name = row.get('img_path') or 'given as an array'
            raise DataError(f'image {name} {bad}', file=row.get('csv_file'), row=row.get('csv_row')) from bad

    def filled(self, results: dict[str, Any], image: UltrasoundImage) -> dict[str, Any]:
        """Return ``results`` with the keys that the class sets, of an image that was read."""
        results.update(
            img=image.pixels,
            img_coordinates='original',
            ori_shape=image.shape,
            img_shape=image.shape,
            orientation=image.orientation,
            reduction=image.reduction,
            homography_matrix=np.eye(3),
            flip=False,
        )
        if _fault_of_row(results, image) is not None:
            del results['pixel_spacing']
        for key, value in image.facts().items():
            results.setdefault(key, value)
        return results

    def _read(self, source: str) -> UltrasoundImage:
        def decode() -> UltrasoundImage:
            return read_with_retries(read_image, source, self.depth, self.least_side)

        return decode() if self.cache is None else self.cache.read(source, (self.depth, self.least_side), decode)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(depth={self.depth}, least_side={self.least_side}, cache={self.cache})'


def other_spacing(row: Mapping[str, Any], of_file: tuple[float, float] | None) -> str | None:
    """Describe where a row of a CSV file gives another pixel spacing than its image file.

    Args:
        row: The row.
        of_file: (height, width) in mm, as the image file says; None if it does not.

    Returns:
        One sentence with the CSV file, the row and both spacings; None if they agree or one of them is not known.
    """
    of_row = row.get('pixel_spacing')
    if of_row is None or of_file is None or is_same_spacing(of_row, of_file):
        return None
    return (
        f'{row["csv_file"]}, row {row["csv_row"]}: pixel_spacing is {list(of_row)}, but {list(of_file)} in the header '
        f'of {row["img_path"]}; the column is taken'
    )


def _fault_of_row(row: Mapping[str, Any], image: UltrasoundImage) -> str | None:
    """Return why an image cannot have the pixel spacing of its row; None if it can, or the row gives none."""
    return impossible_spacing(row['pixel_spacing'], image.shape) if 'pixel_spacing' in row else None


def _tell_spacing(row: Mapping[str, Any], image: UltrasoundImage) -> None:
    """Warn of a pixel spacing that is impossible, or not that of the image file, once for each CSV file."""
    csv_file, name = row.get('csv_file'), row.get('img_path', '')
    told = csv_file or str(split_source(name)[0])
    if told in _TOLD_FILES:
        return
    place, more = '', ''
    if csv_file is not None:
        place, more = f'{csv_file}, row {row["csv_row"]}: ', ' (aurora-mm check-data lists all such rows)'
    text: str | None = None
    if (why := _fault_of_row(row, image)) is not None:
        text = f'{place}{name} {why}; the column is not taken'
    elif image.spacing_fault is not None:
        text = None if 'pixel_spacing' in row else f'{place}{name} {image.spacing_fault}'
    elif csv_file is not None:
        text = other_spacing(row, image.pixel_spacing)
    if text is not None:
        _TOLD_FILES.add(told)
        print_log(f'{text}{more}', logger='current', level=logging.WARNING)


def _cache(cache: Mapping[str, Any]) -> PixelCache:
    if cache.keys() != {'folder', 'max_gb'}:
        raise ConfigError(f'LoadUltrasoundImage: cache needs folder and max_gb, not {", ".join(cache) or "nothing"}')
    return PixelCache(**cache)
