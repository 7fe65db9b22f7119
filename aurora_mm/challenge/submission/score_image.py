"""Scores one image of a submission."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.structures import PixelData

from aurora_mm.challenge.official_scores import official_metric
from aurora_mm.challenge.submission.mask_files import mask_file, read_mask
from aurora_mm.challenge.submission.prediction_lists import LISTS, Entry
from aurora_mm.challenge.submission.problems import Problem
from aurora_mm.datasets.transforms import LoadTaskAnnotations, LoadUltrasoundImage, PackMultiTaskInputs
from aurora_mm.evaluation.per_image import TargetResult
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task


@dataclass(frozen=True)
class ImageJob:
    """One image to score.

    Args:
        image: Its item of the data list. task: Its task. folder: The submission's.
        entry: Its entry in the list of its type, if there is one.
    """

    image: dict[str, Any]
    task: Task
    folder: Path
    entry: Entry | None


def score_image(job: ImageJob) -> tuple[list[TargetResult], list[Problem]]:
    """The rows of one image, none if its prediction cannot be scored, and what is wrong with it.

    Raises:
        DataError: If the image or its truth is at fault.
    """
    put = _put_mask if job.task.type == 'segmentation' else _put_entry
    sample = _load(job.image)
    problems = put(sample, job)
    if any(not problem.scored for problem in problems):
        return [], problems
    return official_metric(job.task).measure(sample.to_dict()), problems


def _load(image: dict[str, Any]) -> TaskDataSample:
    """The image's sample with its truth in original pixels."""
    results = dict(image)
    for step in (LoadUltrasoundImage(), LoadTaskAnnotations(), PackMultiTaskInputs()):
        results = step.transform(results)
    return results['data_samples']


def _put_entry(sample: TaskDataSample, job: ImageJob) -> list[Problem]:
    predictions = LISTS[job.task.type]
    problem = partial(Problem, predictions.file, job.task.name, sample.image_path)
    if job.entry is None:
        return [problem('no entry for this image', scored=False)]
    if fault := predictions.fault(job.entry, job.task):
        return [problem(fault, scored=False)]
    predictions.put(sample, job.entry)
    return [problem(remark, scored=True) for remark in predictions.remarks(job.entry, job.task, sample.ori_shape)]


def _put_mask(sample: TaskDataSample, job: ImageJob) -> list[Problem]:
    path = mask_file(sample.mask_path)
    problem = partial(Problem, path, job.task.name, sample.image_path)
    if not (job.folder / path).is_file():
        return [problem('there is no such mask', scored=False)]
    mask, remark = read_mask(job.folder / path)
    if mask is None:
        return [problem('this mask cannot be read as an image', scored=False)]
    problems = [] if remark is None else [problem(remark, scored=True)]
    if mask.shape != tuple(sample.ori_shape):
        size, wanted = ('{1} x {0}'.format(*shape) for shape in (mask.shape, sample.ori_shape))
        problems.append(problem(f'this mask has {size} pixels, the image {wanted}', scored=True))
    if mask.max() >= job.task.num_outputs:
        values = np.unique(mask)
        strange = values[values >= job.task.num_outputs].tolist()
        problems.append(problem(f'mask values {strange} are not in 0..{job.task.num_outputs - 1}', scored=True))
    sample.pred_sem_seg = PixelData(data=torch.from_numpy(mask)[None].long())
    return problems
