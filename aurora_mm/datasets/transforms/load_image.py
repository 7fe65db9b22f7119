from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from aurora_mm.errors import DataError
from aurora_mm.registry import TRANSFORMS
from aurora_mm.utils import read_image


@TRANSFORMS.register_module()
class LoadUltrasoundImage(BaseTransform):
    """Read ``img_path`` to 8-bit BGR; a grey image gets three equal channels, a 16-bit one keeps its upper 8 bits.

    An image that is there already, as ``img`` (H, W, 3) uint8 BGR, is taken as it is.

    Sets:
        img (np.ndarray): (H, W, 3) uint8.
        img_frame (str): ``'original'``, until ApplyGeometry warps the image.
        ori_shape, img_shape (tuple[int, int]): (H, W).
        matrix (np.ndarray): (3, 3), the identity.
        flip (bool): False.

    Raises:
        DataError: If the file cannot be read as an image.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        img = results['img'] if 'img' in results else read_image(results['img_path'], cv2.IMREAD_COLOR)
        if img is None:
            raise DataError(
                f'image {results["img_path"]} cannot be read', file=results.get('csv_file'), row=results.get('csv_row')
            )
        shape = img.shape[:2]
        results.update(img=img, img_frame='original', ori_shape=shape, img_shape=shape, matrix=np.eye(3), flip=False)
        return results
