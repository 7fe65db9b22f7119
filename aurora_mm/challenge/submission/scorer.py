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
import torch
from rich.progress import track

from aurora_mm.challenge.official_scores import official_scores
from aurora_mm.challenge.submission.problems import Problem
from aurora_mm.challenge.submission.read_lists import read_lists
from aurora_mm.challenge.submission.score_image import ImageJob, score_image
from aurora_mm.datasets import FMCUIADataset
from aurora_mm.errors import DataError
from aurora_mm.evaluation.per_image import TargetResult
from aurora_mm.evaluation.score_table import score_tables
from aurora_mm.evaluation.scores import nested_scores
from aurora_mm.tasks import TaskTable


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
    dataset = _dataset(data_root, split, tasks, group_column)
    images = _rows(dataset)
    known = images
    if split != 'all' and (Path(data_root) / 'csv_files').is_dir():  # entries of another side are no fault
        known = _rows(_dataset(data_root, 'all', tasks, group_column))
    lists, problems = read_lists(folder, known)
    jobs = []
    for image in images:
        entries = lists.get(image['task_type'], {})
        if entries is not None:  # else the list as a whole is a problem, and each of its images need not be one
            entry = entries.get((image['task'], image['image_path']))
            jobs.append(ImageJob(image, dataset.tasks[image['task']], folder, entry))
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


def _dataset(data_root: str | Path, split: str, tasks: TaskTable, group_column: str | None) -> FMCUIADataset:
    return FMCUIADataset(
        str(data_root), split, tasks.to_config(), group_column=group_column, test_mode=True, serialize_data=False
    )


def _rows(dataset: FMCUIADataset) -> list[dict[str, Any]]:
    return [dataset.get_data_info(index) for index in range(len(dataset))]


def _run(jobs: Sequence[ImageJob], workers: int, progress: bool) -> Iterator[tuple[list[TargetResult], list[Problem]]]:
    """The outcomes of the jobs, in their order."""
    show = partial(track, description='Scoring', total=len(jobs), disable=not progress)
    if workers <= 1:
        yield from show(map(score_image, jobs))
        return
    # Spawned, not forked: OpenCV's threads do not survive a fork.
    context = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_use_one_thread) as pool:
        try:
            yield from show(pool.map(score_image, jobs, chunksize=8))
        except BaseException:
            pool.shutdown(cancel_futures=True)  # an interrupt need not wait for what is queued
            raise


def _use_one_thread() -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
