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
    """Read ``img_path`` to 8-bit BGR; a grey image gets three equal channels, transparency is left out.

    A file of 16 bits is scaled by the depth that it declares (TIFF's MaxSampleValue, PNG's sBIT), else by the least of
    8, 10, 12, 14 and 16 bits that holds its largest value: a value v becomes ``v >> (depth - 8)``. A picture that is
    stored turned, as EXIF says, is turned upright.

    A file that is not there is looked for twice more within five seconds: a disk on the network may be away for a
    moment (:mod:`aurora_mm.images.retries`).

    An image that is there already, as ``img``, is brought into the same form: (H, W, 3) BGR or (H, W) grey, of uint8
    or uint16.

    ``img_path`` may be a DICOM, NIfTI, MetaImage or video file too; a picture of a file with several is named by
    ``#frame=N`` at its end, counted from 0.

    Sets:
        img (np.ndarray): (H, W, 3) uint8.
        img_coordinates (str): ``'original'``, until ApplyGeometry warps the image.
        ori_shape, img_shape (tuple[int, int]): (H, W), of the upright picture.
        orientation (int): How the file stores the picture, 1 (upright) to 8 as EXIF counts.
        homography_matrix (np.ndarray): (3, 3), the identity.
        flip (bool): False.
        pixel_spacing (tuple[float, float]): (height, width) of an original pixel in mm, where the file or the row
            says it.

    Args:
        depth: Bits that the values of 16-bit images fill, 8 to 16, where the files do not declare it and all are
            of one scanner; None goes by each image.

    Raises:
        DataError: If the image cannot be read as one picture of 8 or 16 bits, see
            :func:`aurora_mm.images.reading.read_image`.
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
