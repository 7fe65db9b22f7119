from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.images.image_files import as_bgr
from aurora_mm.images.image_header import BadImage
from aurora_mm.images.reading import read_image
from aurora_mm.images.retries import read_with_retries
from aurora_mm.images.ultrasound_image import UltrasoundImage
from aurora_mm.registry import TRANSFORMS


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
        img (np.ndarray): (H, W, 3) uint8 BGR.
        img_coordinates (str): ``'original'``, until ApplyGeometry warps the image.
        ori_shape (tuple[int, int]): (H, W) of the upright image.
        img_shape (tuple[int, int]): (H, W) of the upright image, until FitToSize changes it.
        orientation (int): EXIF orientation of the file, from 1 (upright) to 8.
        homography_matrix (np.ndarray): (3, 3), the identity.
        flip (bool): False.
        pixel_spacing (tuple[float, float]): (height, width) of an original pixel in mm, if the file or the item says
            so.

    Args:
        depth: Number of bits of 16-bit images that do not declare it, from 8 to 16. Set it if all images are from one
            scanner. None determines it for each image.

    Raises:
        DataError: If the image cannot be read as a single 8-bit or 16-bit image, see
            :func:`aurora_mm.images.reading.read_image`.
        ConfigError: If ``depth`` is not valid.
    """

    def __init__(self, depth: int | None = None) -> None:
        if depth is not None and (isinstance(depth, bool) or not isinstance(depth, int) or not 8 <= depth <= 16):
            raise ConfigError(f'LoadUltrasoundImage: depth must be 8 to 16 bits, not {depth!r}')
        self.depth = depth

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        try:
            if 'img' in results:
                image = UltrasoundImage(as_bgr(results['img'], self.depth), results.get('img_path', ''))
            else:
                image = read_with_retries(read_image, results['img_path'], self.depth)
        except BadImage as bad:
            name = results.get('img_path') or 'given as an array'
            raise DataError(f'image {name} {bad}', file=results.get('csv_file'), row=results.get('csv_row')) from bad
        shape = image.pixels.shape[:2]
        results.update(
            img=image.pixels,
            img_coordinates='original',
            ori_shape=shape,
            img_shape=shape,
            orientation=image.orientation,
            homography_matrix=np.eye(3),
            flip=False,
        )
        if image.pixel_spacing is not None:
            results.setdefault('pixel_spacing', image.pixel_spacing)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(depth={self.depth})'
