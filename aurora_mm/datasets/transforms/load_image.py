from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from PIL import Image

from aurora_mm.errors import DataError
from aurora_mm.registry import TRANSFORMS
from aurora_mm.utils import read_image


@TRANSFORMS.register_module()
class LoadUltrasoundImage(BaseTransform):
    """Read ``img_path`` to 8-bit BGR; a grey image gets three equal channels, a 16-bit one keeps its upper 8 bits.

    An image that is there already, as ``img`` (H, W, 3) uint8 BGR, is taken as it is.

    Sets:
        img (np.ndarray): (H, W, 3) uint8.
        img_coordinates (str): ``'original'``, until ApplyGeometry warps the image.
        ori_shape, img_shape (tuple[int, int]): (H, W).
        homography_matrix (np.ndarray): (3, 3), the identity.
        flip (bool): False.

    Raises:
        DataError: If the file cannot be read as an image, or is but the beginning of one.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        img = results['img'] if 'img' in results else _read(results)
        shape = img.shape[:2]
        results.update(
            img=img,
            img_coordinates='original',
            ori_shape=shape,
            img_shape=shape,
            homography_matrix=np.eye(3),
            flip=False,
        )
        return results


def _read(results: dict[str, Any]) -> np.ndarray:
    path = results['img_path']
    img = read_image(path, cv2.IMREAD_COLOR)
    if img is None or _is_cut_off(path):
        fault = 'cannot be read' if img is None else 'ends early: the file was cut off'
        raise DataError(f'image {path} {fault}', file=results.get('csv_file'), row=results.get('csv_row'))
    return img


def _is_cut_off(path: str) -> bool:
    """Whether the end of a JPEG file is missing; OpenCV paints over what it lacks, but refuses other formats then."""
    with Path(path).open('rb') as file:
        begins = file.read(2)
        file.seek(-2, os.SEEK_END)
        if begins != b'\xff\xd8' or file.read() == b'\xff\xd9':
            return False
    try:  # some cameras write on behind the image's end
        with Image.open(path) as image:
            image.load()
    except OSError:
        return True
    return False
