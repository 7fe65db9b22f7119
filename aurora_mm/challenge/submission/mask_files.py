"""Mask files of a submission: 8-bit PNG of class indices at each row's ``mask_path`` without its leading ``../``."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from numpy.typing import NDArray

from aurora_mm.errors import DataError
from aurora_mm.evaluation.functional import resize_mask
from aurora_mm.evaluation.sample_fields import prediction
from aurora_mm.files import write_bytes
from aurora_mm.structures import MultiTaskDataSample
from aurora_mm.utils import read_image


def mask_file(mask_path: str) -> str:
    """Where the mask of a row lies in a submission.

    Args:
        mask_path: The CSV's text.

    Raises:
        DataError: If the text is empty or leads out of the submission.
    """
    path = PurePosixPath(mask_path.strip())
    parts = path.parts
    while parts and parts[0] == '..':
        parts = parts[1:]
    if not parts or '..' in parts or path.is_absolute():
        raise DataError(f'mask_path {mask_path!r} names no place for a mask in a submission')
    return '/'.join(parts)


def predicted_mask(sample: MultiTaskDataSample) -> NDArray[np.uint8]:
    """(H, W) the predicted class of each pixel of the original image; of another size it is resized as in scoring."""
    mask = prediction(sample.to_dict(), 'pred_sem_seg')['data'].cpu().numpy()[0]
    return resize_mask(mask, sample.ori_shape)


def write_mask(folder: Path, sample: MultiTaskDataSample) -> Path:
    """Writes a sample's predicted mask into a submission, whole or not at all, and returns its path there.

    Raises:
        DataError: If the sample's row has no ``mask_path`` to write to.
    """
    if not sample.get('mask_path'):
        raise DataError(
            f'no mask_path for {sample.get("image_path")!r}, so that the submission has no place for its mask',
            file=sample.get('csv_file'),
            row=sample.get('csv_row'),
        )
    path = folder / mask_file(sample.mask_path)
    encoded, data = cv2.imencode('.png', predicted_mask(sample))  # whatever the name ends with
    if not encoded:
        raise DataError('OpenCV cannot write this mask', file=path)
    write_bytes(path, data.tobytes())
    return path


def read_mask(path: Path) -> tuple[NDArray[np.uint8] | None, str | None]:
    """(H, W) a mask as the official scorer reads it, or None if it is no image; and what is wrong with its pixels."""
    stored = read_image(path, cv2.IMREAD_UNCHANGED)
    if stored is None:
        return None, None
    if stored.ndim == 2 and stored.dtype == np.uint8:
        return np.asarray(stored, np.uint8), None
    grey = np.asarray(read_image(path, cv2.IMREAD_GRAYSCALE), np.uint8)
    channels = 1 if stored.ndim == 2 else stored.shape[2]
    return grey, f'this mask has {channels} channel(s) of {stored.dtype}, not one of uint8'
