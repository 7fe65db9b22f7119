"""What a test run found, read back from its folder."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from aurora_mm.errors import DataError
from aurora_mm.evaluation.per_image import TargetResult, read_per_image
from aurora_mm.tasks import Task, TaskTable


@dataclass(frozen=True)
class ImageResult:
    """How one image was answered.

    Args:
        task: The task. targets: Its rows, at least one.
    """

    task: Task
    targets: list[TargetResult]

    @property
    def image(self) -> TargetResult:
        """A row, for what all rows of the image share."""
        return self.targets[0]

    @property
    def quality(self) -> float:
        """What images of a task are ordered by, more is better: the mean DSC over the classes, the probability of the
        true class, the IoU, or minus the mean error in image diagonals."""
        if self.task.type == 'segmentation':
            return fmean(_known(target.DSC) for target in self.targets)
        if self.task.type == 'classification':
            return _known(self.image.probs)[int(_known(self.image.truth))]
        if self.task.type == 'detection':
            return self.image.IoU or 0.0
        return -fmean(_known(t.error) for t in self.targets) / math.hypot(self.image.height, self.image.width)

    @property
    def figure(self) -> str:
        """The quality as a reader wants it."""
        if self.task.type == 'landmark':
            pixels = fmean(_known(target.error) for target in self.targets)
            return f'{pixels:.1f} px off, {-100 * self.quality:.1f} % of the diagonal'
        what = {'segmentation': 'DSC', 'classification': 'true class at', 'detection': 'IoU'}[self.task.type]
        return f'{what} {self.quality:.2f}'


@dataclass(frozen=True)
class Results:
    """The results of a test run or of ``tools/score.py``.

    Args:
        folder: Where they are. submission: The predictions behind them, which may not be there.
        data_root: The folder of ``csv_files``, if it is not where it was when the results were made.
        tasks: What was scored. scores: ``metrics.json``. rows: ``per_image.csv``.
        name: Of the config beside them, or else of the folder.
    """

    folder: Path
    submission: Path
    data_root: Path | None
    tasks: TaskTable
    scores: dict[str, Any]
    rows: list[TargetResult]
    name: str

    @classmethod
    def read(
        cls, folder: str | Path, submission: str | Path | None = None, data_root: str | Path | None = None
    ) -> Results:
        """Reads ``metrics.json`` and ``per_image.csv``.

        Args:
            folder: Of the results. submission: By default the folder ``submission`` among them.
            data_root: The folder of ``csv_files``, if it has moved since.

        Raises:
            DataError: If one of the files is missing or broken.
        """
        folder = Path(folder)
        try:
            scores = json.loads((folder / 'metrics.json').read_text(encoding='utf-8'))
        except (OSError, json.JSONDecodeError) as error:
            raise DataError(f'no scores ({error}); tools/test.py writes them', file=folder / 'metrics.json') from error
        rows = read_per_image(folder / 'per_image.csv')
        # MMEngine puts the config beside the results at the start of every run.
        configs = sorted(folder.glob('*.py'), key=lambda file: file.stat().st_mtime)
        name = configs[-1].stem if configs else folder.resolve().name
        submission = Path(submission or folder / 'submission')
        root = None if data_root is None else Path(data_root)
        return cls(folder, submission, root, tasks_of(rows), scores, rows, name)

    def scored(self, task_type: str) -> list[Task]:
        """The tasks of a type that have scores, in table order."""
        return [task for task in self.tasks.of_type(task_type) if task.name in self.scores['tasks']]

    def targets(self, task: Task) -> list[TargetResult]:
        """The rows of a task."""
        return [row for row in self.rows if row.task == task.name]

    def images(self, task: Task) -> list[ImageResult]:
        """The images of a task, worst first."""
        by_image: dict[int, list[TargetResult]] = {}
        for row in self.targets(task):
            by_image.setdefault(row.img_id, []).append(row)
        return sorted((ImageResult(task, rows) for rows in by_image.values()), key=lambda image: image.quality)

    def data_file(self, row: TargetResult, path: str) -> Path:
        """Where an image or a true mask is, given the CSV's text."""
        inside = path.removeprefix('../')
        root = self.data_root or Path(row.img_path.removesuffix(row.image_path.removeprefix('../')))
        return root / inside

    def interval(self, *keys: str) -> tuple[float, float] | None:
        """The 95 % interval at a place such as ('tasks', 'lung', 'DSC'), if the run took one."""
        place: Any = self.scores.get('intervals') or {}
        for key in keys:
            place = place.get(key) if isinstance(place, Mapping) else None
        return None if place is None else (place[0], place[1])


def tasks_of(rows: Iterable[TargetResult]) -> TaskTable:
    """The tasks that results speak of, in their order.

    A class that no true label has is known by its number alone.
    """
    by_task: dict[str, list[TargetResult]] = {}
    for row in rows:
        by_task.setdefault(row.task, []).append(row)
    return TaskTable(_task(name, of_task) for name, of_task in by_task.items())


def _task(name: str, rows: list[TargetResult]) -> Task:
    targets = list(dict.fromkeys(row.target for row in rows))
    if rows[0].type == 'landmark':
        return Task(name, 'landmark', points=tuple(targets))
    if rows[0].type == 'segmentation':
        return Task(name, 'segmentation', classes=('background', *targets))
    if rows[0].type == 'detection':
        return Task(name, 'detection', classes=tuple(targets))
    names = {_known(row.truth): row.target for row in rows}
    classes = [names.get(i, f'class {i}') for i in range(len(_known(rows[0].probs)))]
    return Task(name, 'classification', classes=tuple(classes))


def _known(value: Any) -> Any:
    if value is None:
        raise DataError('a row of per_image.csv lacks the figure that its type of task has')
    return value
