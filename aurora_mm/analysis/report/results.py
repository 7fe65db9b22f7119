"""What a test run found, read back from its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aurora_mm.analysis.breakdowns import RankedImage, ranked
from aurora_mm.analysis.scores_file import read_scores_of_tasks
from aurora_mm.errors import DataError
from aurora_mm.evaluation import ResultRow, TaskColumns, TaskMetric, read_per_image
from aurora_mm.evaluation.metrics import metric_of_row
from aurora_mm.tasks import Task, TaskTable


@dataclass(frozen=True)
class Results:
    """The results of a test run or of ``aurora-mm score``.

    Args:
        folder: Where they are.
        submission: The predictions behind them, which may not be there.
        data_root: The folder of ``csv_files``, if it is not where it was when the results were made.
        tasks: What was scored.
        scores: The content of ``metrics.json``.
        rows: The rows of ``per_image.csv``.
        name: Of the config beside them, or else of the folder.
    """

    folder: Path
    submission: Path
    data_root: Path | None
    tasks: TaskTable
    scores: dict[str, Any]
    rows: list[ResultRow]
    name: str

    @classmethod
    def read(
        cls, folder: str | Path, submission: str | Path | None = None, data_root: str | Path | None = None
    ) -> Results:
        """Reads ``metrics.json`` and ``per_image.csv``.

        Args:
            folder: Of the results.
            submission: By default the folder ``submission`` among them.
            data_root: The folder of ``csv_files``, if it has moved since.

        Raises:
            DataError: If one of the files is missing or broken.
        """
        folder = Path(folder)
        scores, tasks = read_scores_of_tasks(folder / 'metrics.json')
        rows = read_per_image(folder / 'per_image.csv', tasks)
        # MMEngine puts the config beside the results at the start of every run.
        configs = sorted(folder.glob('*.py'), key=lambda file: file.stat().st_mtime)
        name = configs[-1].stem if configs else folder.resolve().name
        submission = Path(submission or folder / 'submission')
        return cls(folder, submission, None if data_root is None else Path(data_root), tasks, scores, rows, name)

    def targets(self, task: Task) -> list[ResultRow]:
        """The rows that the judging metric of a task kept; none if a metric of another package judges it."""
        rows = [row for row in self.rows if row.task == task.name]
        return [row for row in rows if row.metric == rows[0].metric]

    def judge(self, task: Task) -> type[TaskMetric] | None:
        """The metric that judges a task; None if it is of another package."""
        rows = self.targets(task)
        return metric_of_row(rows[0].metric)[1] if rows else None

    def columns(self, task: Task) -> TaskColumns:
        """How the scores of a task are called and read, as far as its rows tell."""
        names = dict.fromkeys(row.metric for row in self.rows if row.task == task.name)
        metrics = [metric_of_row(name) for name in names]
        return TaskColumns.of(metrics) if metrics else TaskColumns({}, 'score', '')

    def images(self, task: Task) -> list[RankedImage]:
        """The images of a task, worst first."""
        return ranked(self.targets(task)).get(task.name, [])

    def data_file(self, row: ResultRow, path: str) -> Path:
        """Where an image or a true mask is, given the CSV's text.

        Raises:
            DataError: If the text leads out of the data.
        """
        inside = self._inside(path)
        root = self.data_root or Path(row.img_path.removesuffix(self._inside(row.image_path)))
        return root / inside

    def predicted_mask(self, row: ResultRow) -> Path:
        """Where the predicted mask of a row is.

        Raises:
            DataError: If its path leads out of the submission.
        """
        return self.submission / self._inside(row.mask_path)

    def _inside(self, path: str) -> str:
        """A CSV's text, which starts in ``csv_files``, seen from the root of the data."""
        inside = path.removeprefix('../')
        if Path(inside).is_absolute() or '..' in Path(inside).parts or '\0' in inside:
            raise DataError(f'{path!r} leads out of the data', file=self.folder / 'per_image.csv')
        return inside

    def interval(self, *keys: str) -> tuple[float, float] | None:
        """The confidence interval at a place such as ('tasks', 'lung', 'DSC'), if the run took one."""
        place: Any = self.scores.get('intervals') or {}
        for key in keys:
            place = place.get(key) if isinstance(place, Mapping) else None
        return None if place is None else (place[0], place[1])
