"""Scores a submission folder against labelled data, without a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.progress import track

from aurora_mm.data_root import DataRoot
from aurora_mm.datasets import FMCUIADataset
from aurora_mm.errors import DataError
from aurora_mm.evaluation import EvaluationResult, ResultRow, score_rows, score_table
from aurora_mm.submission.problems import Problem
from aurora_mm.submission.read_lists import read_lists
from aurora_mm.submission.score_image import ImageJob, score_image
from aurora_mm.tables import console_text
from aurora_mm.tasks import TaskTable
from aurora_mm.worker_pool import worker_pool


@dataclass(frozen=True)
class SubmissionScores:
    """Scores of a submission.

    Args:
        result: All scores; None if no image could be scored. A task without scored images has the score 0.
        problems: All problems of the submission.
        asked: Number of images of each task in the data.
        notes: Number of images by (task, what the format allows but may be an oversight).
    """

    result: EvaluationResult | None
    problems: list[Problem]
    asked: Counter[str]
    notes: Counter[tuple[str, str]]

    @property
    def scored(self) -> Counter[str]:
        """Number of scored images of each task."""
        return Counter({} if self.result is None else self.result.images)

    def summary(self) -> str:
        """Format the scores as a table for a console, with the numbers of scored images and the notes."""
        lines = [] if self.result is None else [console_text(score_table(self.result)), '']
        for (task, note), number in self.notes.items():
            lines.append(f'{task}: {note} in {number} of {self.asked[task]} images, which the format allows')
        for task, number in self.asked.items():
            if self.scored[task] < number:
                lines.append(f'{task}: {self.scored[task]} of {number} images scored')
        lines.append(f'{self.scored.total()} of {self.asked.total()} images scored')
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
    """Score a submission according to the definitions of the challenge.

    Images without a valid prediction are left out of the means, like in the official scorer, and listed as problems.
    Predictions that are out of range are scored unchanged, and listed too. What the format allows but may be an
    oversight, as a class that is not the likeliest, is only counted. A task of the data without any valid prediction
    has the score 0.

    Args:
        data_root: Labelled data, see :class:`aurora_mm.datasets.FMCUIADataset`.
        submission: Folder with the three JSON lists and the masks.
        tasks: Known tasks, for the names of classes and points. Tasks of the data are added.
        split: Split of the data that the submission is for, or ``'all'`` for all rows of ``data_root``.
        group_column: CSV column such as a patient's id, whose values are resampled for confidence intervals.
        workers: Number of processes.
        progress: Whether to show a progress bar.

    Raises:
        DataError: If the data cannot be read, or the folder does not exist.
    """
    folder = Path(submission)
    if not folder.is_dir():
        raise DataError('there is no such submission folder', file=folder)
    dataset = _dataset(data_root, split, tasks, group_column)
    images = _rows(dataset)
    known = images
    if split != 'all' and not DataRoot.find(data_root).sides:  # entries of other splits are not problems
        known = _rows(_dataset(data_root, 'all', tasks, group_column))
    lists, problems = read_lists(folder, known)
    jobs = []
    for image in images:
        entries = lists.get(image['task_type'], {})
        if entries is not None:  # else the list is a problem, and its images are not listed
            entry = entries.get((image['task'], image['image_path']))
            jobs.append(ImageJob(image, dataset.tasks[image['task']], folder, entry))
    rows: list[ResultRow] = []
    notes: Counter[tuple[str, str]] = Counter()
    for of_image, found in _run(jobs, workers, progress):
        rows += of_image
        problems += (problem for problem in found if not problem.allowed)
        notes.update((problem.task, problem.message) for problem in found if problem.allowed)
    asked = Counter(image['task'] for image in images)
    order = list(dataset.tasks)
    rows.sort(key=lambda row: order.index(row.task))  # stable, so the rows of an image stay together
    result = score_rows(rows, dataset.tasks.only(asked)) if rows else None
    return SubmissionScores(result, problems, asked, notes)


def _dataset(data_root: str | Path, split: str, tasks: TaskTable, group_column: str | None) -> FMCUIADataset:
    return FMCUIADataset(
        str(data_root), split, tasks.to_config(), group_column=group_column, test_mode=True, serialize_data=False
    )


def _rows(dataset: FMCUIADataset) -> list[dict[str, Any]]:
    return [dataset.get_data_info(index) for index in range(len(dataset))]


def _run(jobs: Sequence[ImageJob], workers: int, progress: bool) -> Iterator[tuple[list[ResultRow], list[Problem]]]:
    """Yield the results of the jobs, in their order."""
    show = partial(track, description='Scoring', total=len(jobs), disable=not progress)
    if workers <= 1:
        yield from show(map(score_image, jobs))
        return
    with worker_pool(workers) as pool:
        try:
            yield from show(pool.map(score_image, jobs, chunksize=8))
        except BaseException:
            pool.shutdown(cancel_futures=True)  # do not wait for queued jobs
            raise
