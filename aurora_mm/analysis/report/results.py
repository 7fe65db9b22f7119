"""What a test run found, read back from its folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aurora_mm.analysis.breakdowns import Case, ranked
from aurora_mm.errors import DataError
from aurora_mm.evaluation.per_image import TargetResult, read_per_image
from aurora_mm.tasks import Task, TaskTable


@dataclass(frozen=True)
class Results:
    """The results of a test run or of ``aurora-mm score``.

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
            raise DataError(f'no scores ({error}); aurora-mm test writes them', file=folder / 'metrics.json') from error
        rows = read_per_image(folder / 'per_image.csv')
        # MMEngine puts the config beside the results at the start of every run.
        configs = sorted(folder.glob('*.py'), key=lambda file: file.stat().st_mtime)
        name = configs[-1].stem if configs else folder.resolve().name
        submission = Path(submission or folder / 'submission')
        root = None if data_root is None else Path(data_root)
        return cls(folder, submission, root, tasks_of(rows, scores.get('names', {})), scores, rows, name)

    def scored(self, task_type: str) -> list[Task]:
        """The tasks of a type that have scores, in table order."""
        return [task for task in self.tasks.of_type(task_type) if task.name in self.scores['tasks']]

    def targets(self, task: Task) -> list[TargetResult]:
        """The rows of a task."""
        return [row for row in self.rows if row.task == task.name]

    def images(self, task: Task) -> list[Case]:
        """The images of a task, worst first."""
        return ranked(self.targets(task)).get(task.name, [])

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


def tasks_of(rows: Iterable[TargetResult], names: Mapping[str, Sequence[str]]) -> TaskTable:
    """The tasks that results speak of, in their order.

    Args:
        rows: The table of results.
        names: Of each task's classes or points; without them, a class that no true label has is known by its number.
    """
    by_task: dict[str, list[TargetResult]] = {}
    for row in rows:
        by_task.setdefault(row.task, []).append(row)
    tasks = []
    for name, of_task in by_task.items():
        kind = 'points' if of_task[0].type == 'landmark' else 'classes'
        tasks.append(dict(name=name, type=of_task[0].type, **{kind: names.get(name) or _names(of_task)}))
    return TaskTable(tasks)


def _names(rows: list[TargetResult]) -> list[str]:
    """Names of a task's classes or points as far as its rows tell."""
    targets = list(dict.fromkeys(row.target for row in rows))
    if rows[0].type == 'segmentation':
        return ['background', *targets]
    if rows[0].type == 'classification':
        names = {_known(row.truth): row.target for row in rows}
        return [names.get(i, f'class {i}') for i in range(len(_known(rows[0].probs)))]
    return targets


def _known(value: Any) -> Any:
    if value is None:
        raise DataError('a row of per_image.csv lacks the figure that its type of task has')
    return value
