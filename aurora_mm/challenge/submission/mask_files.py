"""Mask files of a submission: 8-bit PNG of class indices at each row's ``mask_path`` without its leading ``../``."""

from __future__ import annotations

from functools import partial
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import torch
from mmengine.structures import PixelData
from numpy.typing import NDArray

from aurora_mm.challenge.submission.problems import Problem
from aurora_mm.challenge.submission.submission_format import SUBMISSION_FORMATS, Entry, SubmissionFormat
from aurora_mm.errors import DataError
from aurora_mm.evaluation.functional import resize_mask
from aurora_mm.evaluation.sample_fields import prediction
from aurora_mm.files import write_bytes
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task
from aurora_mm.utils import decode_file


class MaskFiles(SubmissionFormat):
    """A mask file for each image."""

    def write_file(self, folder: Path, sample: TaskDataSample) -> Path:
        """Writes the predicted mask to the row's ``mask_path``; a mask of another size than its image is resized as in
        scoring. See :meth:`SubmissionFormat.write_file`.
        """
        if not sample.get('mask_path'):
            raise DataError(
                f'no mask_path for {sample.get("image_path")!r}, so that the submission has no place for its mask',
                file=sample.get('csv_file'),
                row=sample.get('csv_row'),
            )
        path = folder / mask_file(sample.mask_path)
        mask = prediction(sample.to_dict(), 'pred_sem_seg')['data'].cpu().numpy()[0]
        encoded, data = cv2.imencode('.png', resize_mask(mask, sample.ori_shape))
        if not encoded:
            raise DataError('OpenCV cannot write this mask', file=path)
        write_bytes(path, data.tobytes())
        return path

    def put(self, sample: TaskDataSample, task: Task, folder: Path, entry: Entry | None) -> list[Problem]:
        """See :meth:`SubmissionFormat.put`."""
        path = mask_file(sample.mask_path)
        problem = partial(Problem, path, task.name, sample.image_path)
        if not (folder / path).is_file():
            return [problem('there is no such mask', scored=False)]
        mask, remark = _read_mask(folder / path)
        if mask is None:
            return [problem('this mask cannot be read as an image', scored=False)]
        problems = [] if remark is None else [problem(remark, scored=True)]
        if mask.shape != tuple(sample.ori_shape):
            size, wanted = ('{1} x {0}'.format(*shape) for shape in (mask.shape, sample.ori_shape))
            problems.append(problem(f'this mask has {size} pixels, the image {wanted}', scored=True))
        if mask.max() >= task.num_outputs:
            values = np.unique(mask)
            strange = values[values >= task.num_outputs].tolist()
            problems.append(problem(f'mask values {strange} are not in 0..{task.num_outputs - 1}', scored=True))
        sample.pred_sem_seg = PixelData(data=torch.from_numpy(mask)[None].long())
        return problems


SUBMISSION_FORMATS['segmentation'] = MaskFiles()


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


def _read_mask(path: Path) -> tuple[NDArray[np.uint8] | None, str | None]:
    """(H, W) a mask as the official scorer reads it, or None if it is no image; and what is wrong with its pixels."""
    stored = decode_file(path, cv2.IMREAD_UNCHANGED)
    if stored is None:
        return None, None
    if stored.ndim == 2 and stored.dtype == np.uint8:
        return np.asarray(stored, np.uint8), None
    grey = np.asarray(decode_file(path, cv2.IMREAD_GRAYSCALE), np.uint8)
    channels = 1 if stored.ndim == 2 else stored.shape[2]
    return grey, f'this mask has {channels} channel(s) of {stored.dtype}, not one of uint8'
