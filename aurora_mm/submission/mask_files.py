"""Mask files of a submission: 8-bit PNG files of class indices, at ``mask_path`` of each row without ``../``."""

from __future__ import annotations

from functools import partial
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import torch
from mmengine.structures import PixelData
from numpy.typing import NDArray

from aurora_mm.errors import DataError
from aurora_mm.evaluation.functional import resize_mask
from aurora_mm.evaluation.sample_fields import prediction
from aurora_mm.files import write_bytes
from aurora_mm.structures import TaskDataSample
from aurora_mm.submission.problems import Problem
from aurora_mm.submission.submission_format import SUBMISSION_FORMATS, Entry, SubmissionFormat
from aurora_mm.tasks import Task
from aurora_mm.utils import decode_file


class MaskFiles(SubmissionFormat):
    """Predictions of segmentation tasks, as one mask file per image."""

    def write_file(self, folder: Path, sample: TaskDataSample) -> Path:
        """Write the predicted mask as an 8-bit PNG file, see :meth:`SubmissionFormat.write_file`.

        A mask that does not have the size of its image is resized in the same way as for scoring.
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
    """Return the path of a row's mask relative to the folder of the submission.

    Args:
        mask_path: Text of the column ``mask_path``.

    Raises:
        DataError: If the text is empty, or the path leads out of the folder.
    """
    path = PurePosixPath(mask_path.strip())
    names = path.parts
    while names and names[0] == '..':
        names = names[1:]
    if not names or '..' in names or path.is_absolute():
        raise DataError(f'mask_path {mask_path!r} names no place for a mask in a submission')
    return '/'.join(names)


def _read_mask(path: Path) -> tuple[NDArray[np.uint8] | None, str | None]:
    """Read a mask, (H, W), like the official scorer; None if it is not an image. Also return a remark on its format."""
    stored = decode_file(path, cv2.IMREAD_UNCHANGED)
    if stored is None:
        return None, None
    if stored.ndim == 2 and stored.dtype == np.uint8:
        return np.asarray(stored, np.uint8), None
    grey = np.asarray(decode_file(path, cv2.IMREAD_GRAYSCALE), np.uint8)
    channels = 1 if stored.ndim == 2 else stored.shape[2]
    return grey, f'this mask has {channels} channel(s) of {stored.dtype}, not one of uint8'
