"""The results of a test, read from its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aurora_mm.analysis.breakdowns import RankedImage, ranked
from aurora_mm.analysis.column_groups import TaskGroups, from_json
from aurora_mm.analysis.scores_file import read_scores_of_tasks
from aurora_mm.calibration.report import read_calibration
from aurora_mm.errors import DataError
from aurora_mm.evaluation import ResultRow, TaskColumns, TaskMetric, read_per_image
from aurora_mm.evaluation.metrics import metric_of_row
from aurora_mm.tasks import Task, TaskTable


@dataclass(frozen=True)
class Results:
    """The results of a test run or of ``aurora-mm score``.

    Args:
        folder: Folder of the results.
        submission: Folder of the predictions, which may not exist.
        data_root: Folder that contains ``csv_files``, if it has moved since the results were written.
        tasks: The scored tasks.
        scores: Content of ``metrics.json``.
        rows: Rows of ``per_image.csv``.
        name: Name of the config in the folder, or else of the folder.
        calibration: Content of ``calibration.json``; None if the checkpoint was not calibrated.
    """

    folder: Path
    submission: Path
    data_root: Path | None
    tasks: TaskTable
    scores: dict[str, Any]
    rows: list[ResultRow]
    name: str
    calibration: dict[str, Any] | None = None

    @classmethod
    def read(
        cls, folder: str | Path, submission: str | Path | None = None, data_root: str | Path | None = None
    ) -> Results:
        """Read ``metrics.json``, ``per_image.csv`` and, if there is one, ``calibration.json``.

        Args:
            folder: Folder of the results.
            submission: Folder of the predictions; by default ``submission`` in ``folder``.
            data_root: Folder that contains ``csv_files``, if it has moved.

        Raises:
            DataError: If one of the files is missing or broken.
        """
        folder = Path(folder)
        scores, tasks = read_scores_of_tasks(folder / 'metrics.json')
        rows = read_per_image(folder / 'per_image.csv', tasks)
        # MMEngine writes the config to this folder at the start of every run.
        configs = sorted(folder.glob('*.py'), key=lambda file: file.stat().st_mtime)
        name = configs[-1].stem if configs else folder.resolve().name
        submission = Path(submission or folder / 'submission')
        root = None if data_root is None else Path(data_root)
        return cls(folder, submission, root, tasks, scores, rows, name, read_calibration(folder))

    def targets(self, task: Task) -> list[ResultRow]:
        """Return the rows of a task's judge; none if the judge is a metric of another package."""
        rows = [row for row in self.rows if row.task == task.name]
        return [row for row in rows if row.metric == rows[0].metric]

    def judge(self, task: Task) -> type[TaskMetric] | None:
        """Return the metric that is a task's judge; None if it is of another package."""
        rows = self.targets(task)
        return metric_of_row(rows[0].metric)[1] if rows else None

    def columns(self, task: Task) -> TaskColumns:
        """Return names and units of the scores of a task, as far as its rows contain them."""
        names = dict.fromkeys(row.metric for row in self.rows if row.task == task.name)
        metrics = [metric_of_row(name) for name in names]
        scored = self.scores['tasks'][task.name]
        return TaskColumns.of(metrics, task.unit, scored) if metrics else TaskColumns({}, 'score', '')

    def images(self, task: Task) -> list[RankedImage]:
        """Return the images of a task, worst first."""
        return ranked(self.targets(task)).get(task.name, [])

    def groups(self) -> dict[str, TaskGroups]:
        """Return the scores of groups of images by column; none if the test was not asked for any.

        Raises:
            DataError: If ``metrics.json`` has other content there than a test writes.
        """
        try:
            return from_json(self.scores.get('groups') or {})
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            raise DataError(
                f'no groups as aurora-mm test writes them: {error!r}', file=self.folder / 'metrics.json'
            ) from error

    def data_file(self, row: ResultRow, path: str) -> Path:
        """Return the path of an image or a true mask.

        Args:
            row: Row of the image.
            path: The text of the CSV file.

        Raises:
            DataError: If the path leads out of the data.
        """
        inside = self._inside(path)
        root = self.data_root or Path(row.img_path.removesuffix(self._inside(row.image_path)))
        return root / inside

    def predicted_mask(self, row: ResultRow) -> Path:
        """Return the path of the predicted mask of a row.

        Raises:
            DataError: If its path leads out of the submission.
        """
        return self.submission / self._inside(row.mask_path)

    def _inside(self, path: str) -> str:
        """Convert the text of a CSV file, relative to ``csv_files``, to a path relative to the data root."""
        inside = path.removeprefix('../')
        if Path(inside).is_absolute() or '..' in Path(inside).parts or '\0' in inside:
            raise DataError(f'{path!r} leads out of the data', file=self.folder / 'per_image.csv')
        return inside

    def interval(self, *keys: str) -> tuple[float, float] | None:
        """Return the confidence interval of keys such as ('tasks', 'lung', 'DSC'), None if there is none."""
        place: Any = self.scores.get('intervals') or {}
        for key in keys:
            place = place.get(key) if isinstance(place, Mapping) else None
        return None if place is None else (place[0], place[1])
