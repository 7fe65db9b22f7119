"""Scores a submission folder against labelled data, without a model."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.structures import PixelData
from rich.progress import track

from aurora_mm.datasets import FMCUIADataset
from aurora_mm.datasets.transforms import LoadTaskAnnotations, LoadUltrasoundImage, PackMultiTaskInputs
from aurora_mm.errors import DataError
from aurora_mm.evaluation.official import official_metric, official_scores
from aurora_mm.evaluation.per_image import TargetResult
from aurora_mm.evaluation.score_table import score_tables
from aurora_mm.evaluation.scores import nested_scores
from aurora_mm.evaluation.submission.mask_files import mask_file, read_mask
from aurora_mm.evaluation.submission.prediction_lists import LISTS, Entry
from aurora_mm.evaluation.submission.problems import Problem
from aurora_mm.evaluation.submission.read_lists import read_lists
from aurora_mm.structures import MultiTaskDataSample
from aurora_mm.tasks import Task, TaskTable


@dataclass(frozen=True)
class SubmissionScores:
    """What scoring a submission gives.

    Args:
        scores: As :func:`aurora_mm.evaluation.nested_scores` has them; None if no image could be scored.
        rows: The table of results, of the images that could be scored.
        problems: All that is wrong with the submission.
        asked: Images of each task in the data. scored: Those that could be scored.
        tasks: The data's tasks.
    """

    scores: dict[str, Any] | None
    rows: list[TargetResult]
    problems: list[Problem]
    asked: Counter[str]
    scored: Counter[str]
    tasks: TaskTable

    def summary(self) -> str:
        """Tables of the scores for a console, and how much of the data they cover."""
        counts = {task: number for task, number in self.scored.items() if number}
        lines = [score_tables(official_scores(self.rows, self.tasks), self.tasks, counts), '']
        for task, number in self.asked.items():
            if self.scored[task] < number:
                lines.append(f'{task}: {self.scored[task]} of {number} images scored')
        lines.append(f'{sum(self.scored.values())} of {sum(self.asked.values())} images scored')
        return '\n'.join(lines)


def score_submission(
    data_root: str | Path,
    submission: str | Path,
    tasks: TaskTable,
    split: str = 'all',
    group_column: str | None = None,
    workers: int = 1,
    progress: bool = False,
) -> SubmissionScores:
    """Scores a submission by the official definitions.

    An image without a usable prediction is left out of the means, as the official scorer does, and listed as a
    problem; what can be scored but is out of range is scored as it stands, and listed too.

    Args:
        data_root: Labelled data, see :class:`aurora_mm.datasets.FMCUIADataset`.
        submission: Folder with the three JSON lists and the masks.
        tasks: Known tasks, for their names; those of the data are added.
        split: Of the data set that the submission answers: 'all' rows of ``data_root``, or one side.
        group_column: Column whose value groups images for the confidence intervals.
        workers: Processes.
        progress: Whether to show a progress bar with the time left.

    Raises:
        DataError: If the data cannot be read or there is no such folder.
    """
    folder = Path(submission)
    if not folder.is_dir():
        raise DataError('there is no such submission folder', file=folder)
    options = dict(tasks=tasks.to_config(), group_column=group_column, test_mode=True, serialize_data=False)
    dataset = FMCUIADataset(str(data_root), split, **options)
    images = [dataset.get_data_info(index) for index in range(len(dataset))]
    known = images
    if split != 'all' and (Path(data_root) / 'csv_files').is_dir():  # entries of another side are no fault
        whole = FMCUIADataset(str(data_root), 'all', **options)
        known = [whole.get_data_info(index) for index in range(len(whole))]
    lists, problems = read_lists(folder, known)
    jobs = []
    for image in images:
        entries = lists.get(image['task_type'], {})
        if entries is not None:  # else the list as a whole is a problem, and each of its images need not be one
            entry = entries.get((image['task'], image['image_path']))
            jobs.append(_Job(image, dataset.tasks[image['task']], folder, entry))
    rows: list[TargetResult] = []
    scored: Counter[str] = Counter()
    for job, (of_image, found) in zip(jobs, _run(jobs, workers, progress), strict=True):
        rows += of_image
        problems += found
        scored[job.task.name] += bool(of_image)
    order = list(dataset.tasks)
    rows.sort(key=lambda row: order.index(row.task))  # stable: an image's rows stay together
    scores = nested_scores(official_scores(rows, dataset.tasks)) if rows else None
    asked = Counter(image['task'] for image in images)
    return SubmissionScores(scores, rows, problems, asked, scored, dataset.tasks)


@dataclass(frozen=True)
class _Job:
    """One image to score."""

    image: dict[str, Any]
    task: Task
    folder: Path
    entry: Entry | None


def _run(jobs: Sequence[_Job], workers: int, progress: bool) -> Iterator[tuple[list[TargetResult], list[Problem]]]:
    """The outcomes of the jobs, in their order."""
    show = partial(track, description='Scoring', total=len(jobs), disable=not progress)
    if workers <= 1:
        yield from show(map(_score, jobs))
        return
    # Spawned, not forked: OpenCV's threads do not survive a fork.
    context = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_use_one_thread) as pool:
        try:
            yield from show(pool.map(_score, jobs, chunksize=8))
        except BaseException:
            pool.shutdown(cancel_futures=True)  # an interrupt need not wait for what is queued
            raise


def _use_one_thread() -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def _score(job: _Job) -> tuple[list[TargetResult], list[Problem]]:
    """The rows of one image, none if its prediction cannot be scored, and what is wrong with it."""
    put = _put_mask if job.task.type == 'segmentation' else _put_entry
    sample = _load(job.image)
    problems = put(sample, job)
    if any(not problem.scored for problem in problems):
        return [], problems
    return official_metric(job.task).measure(sample.to_dict()), problems


def _load(image: dict[str, Any]) -> MultiTaskDataSample:
    """The image's sample with its truth in original pixels."""
    results = dict(image)
    for step in (LoadUltrasoundImage(), LoadTaskAnnotations(), PackMultiTaskInputs()):
        results = step.transform(results)
    return results['data_samples']


def _put_entry(sample: MultiTaskDataSample, job: _Job) -> list[Problem]:
    predictions = LISTS[job.task.type]
    problem = partial(Problem, predictions.file, job.task.name, sample.image_path)
    if job.entry is None:
        return [problem('no entry for this image', scored=False)]
    if fault := predictions.fault(job.entry, job.task):
        return [problem(fault, scored=False)]
    predictions.put(sample, job.entry)
    return [problem(remark, scored=True) for remark in predictions.remarks(job.entry, job.task, sample.ori_shape)]


def _put_mask(sample: MultiTaskDataSample, job: _Job) -> list[Problem]:
    path = mask_file(sample.mask_path)
    problem = partial(Problem, path, job.task.name, sample.image_path)
    if not (job.folder / path).is_file():
        return [problem('there is no such mask', scored=False)]
    mask = read_mask(job.folder / path)
    if mask is None:
        return [problem('this mask cannot be read as an image', scored=False)]
    problems = []
    if mask.shape != tuple(sample.ori_shape):
        size, wanted = ('{1} x {0}'.format(*shape) for shape in (mask.shape, sample.ori_shape))
        problems.append(problem(f'this mask has {size} pixels, the image {wanted}', scored=True))
    if mask.max() >= job.task.num_outputs:
        values = np.unique(mask)
        strange = values[values >= job.task.num_outputs].tolist()
        problems.append(problem(f'mask values {strange} are not in 0..{job.task.num_outputs - 1}', scored=True))
    sample.pred_sem_seg = PixelData(data=torch.from_numpy(mask)[None].long())
    return problems
