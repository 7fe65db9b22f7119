"""Scores one image of a submission."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aurora_mm.datasets.transforms import LoadTaskAnnotations, LoadUltrasoundImage, PackMultiTaskInputs
from aurora_mm.evaluation import ResultRow
from aurora_mm.evaluation.metrics import metric_of_row
from aurora_mm.structures import TaskDataSample
from aurora_mm.submission.problems import Problem
from aurora_mm.submission.submission_format import SUBMISSION_FORMATS, Entry
from aurora_mm.tasks import Task


@dataclass(frozen=True)
class ImageJob:
    """An image to score.

    Args:
        image: Item of the data set.
        task: Task of the item.
        folder: Folder of the submission.
        entry: Entry in the JSON list of the task type, if there is one.
    """

    image: dict[str, Any]
    task: Task
    folder: Path
    entry: Entry | None


def score_image(job: ImageJob) -> tuple[list[ResultRow], list[Problem]]:
    """Score one image with the metric of its task type.

    Args:
        job: The image and its prediction.

    Returns:
        The result rows of the image, none if its prediction cannot be scored; and the problems of the prediction.

    Raises:
        DataError: If the image or its annotation cannot be read.
    """
    sample = _load(job.image)
    problems = SUBMISSION_FORMATS[job.task.type].put(sample, job.task, job.folder, job.entry)
    if any(not problem.scored for problem in problems):
        return [], problems
    metric = metric_of_row(job.task.task_type.metric)[1]()
    metric.dataset_meta = {'classes': list(job.task.output_names)}
    return metric.measure(sample.to_dict()), problems


def _load(image: dict[str, Any]) -> TaskDataSample:
    """Load the data sample of an image, with the annotation in original coordinates."""
    results = dict(image)
    for step in (LoadUltrasoundImage(), LoadTaskAnnotations(), PackMultiTaskInputs()):
        results = step.transform(results)
    (sample,) = results['data_samples']
    return sample
