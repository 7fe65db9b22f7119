"""Scores one image of a submission."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aurora_mm.challenge.submission.problems import Problem
from aurora_mm.challenge.submission.submission_format import SUBMISSION_FORMATS, Entry
from aurora_mm.datasets.transforms import LoadTaskAnnotations, LoadUltrasoundImage, PackMultiTaskInputs
from aurora_mm.evaluation import ResultRow
from aurora_mm.evaluation.metrics import metric_of_row
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task


@dataclass(frozen=True)
class ImageJob:
    """One image to score.

    Args:
        image: Its item of the data list.
        task: Its task.
        folder: The submission's.
        entry: Its entry in the list of its type, if there is one.
    """

    image: dict[str, Any]
    task: Task
    folder: Path
    entry: Entry | None


def score_image(job: ImageJob) -> tuple[list[ResultRow], list[Problem]]:
    """Measures one image by the metric of its task's type.

    Returns:
        The rows of the image, none if its prediction cannot be scored, and what is wrong with it.

    Raises:
        DataError: If the image or its truth is at fault.
    """
    sample = _load(job.image)
    problems = SUBMISSION_FORMATS[job.task.type].put(sample, job.task, job.folder, job.entry)
    if any(not problem.scored for problem in problems):
        return [], problems
    metric = metric_of_row(job.task.task_type.metric)[1]()
    metric.dataset_meta = {'classes': list(job.task.output_names)}
    return metric.measure(sample.to_dict()), problems


def _load(image: dict[str, Any]) -> TaskDataSample:
    """The image's sample with its truth in original pixels."""
    results = dict(image)
    for step in (LoadUltrasoundImage(), LoadTaskAnnotations(), PackMultiTaskInputs()):
        results = step.transform(results)
    (sample,) = results['data_samples']
    return sample
