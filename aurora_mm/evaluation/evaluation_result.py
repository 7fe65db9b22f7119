"""The results of an evaluation."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from aurora_mm.evaluation.metrics import Column, ResultRow, metric_of_row, rows_by_image
from aurora_mm.evaluation.scores import aggregate_scores, nested_scores
from aurora_mm.tasks import TaskTable


class TaskColumns(NamedTuple):
    """Names and units of the scores of a task.

    Args:
        columns: The column of each score of all the task's metrics, by the score's key; those of the judge come first.
        headline: Key of the score that the task is known by.
        primary_text: How the primary score follows from the headline, in words; ``''`` if it is the headline.
    """

    columns: dict[str, Column]
    headline: str
    primary_text: str

    @classmethod
    def of(cls, metrics: Sequence[tuple[str, Any]], unit: str = '', scored: Container[str] = ()) -> TaskColumns:
        """Collect the columns of a task's metrics.

        Args:
            metrics: Pairs of the prefix of the scores' keys and the metric (or its class); the first one is the judge.
                Metrics of other packages declare no columns and are left out.
            unit: Unit of the task, if it has one.
            scored: Keys of the scores that the task has. Optional columns of which it has none are left out.
        """
        prefix, judge = metrics[0]
        columns = {
            f'{p}{column.name}': column.of_unit(unit)
            for p, metric in metrics
            for column in getattr(metric, 'columns', ())
            if not column.optional or f'{p}{column.name}' in scored
        }
        return cls(columns, f'{prefix}{judge.headline}', judge.primary_text)

    def brief(self, scores: dict[str, float]) -> str:
        """Format the scores of brief columns in one line, the headline first.

        Args:
            scores: Scores of the task by key.
        """
        keys = [self.headline, *(key for key in self.columns if key != self.headline and self.columns[key].brief)]
        parts = (key + ' ' + self.columns[key].text(scores.get(key)) for key in keys)
        return ', '.join(parts)


@dataclass(frozen=True)
class EvaluationResult:
    """The results of an evaluation.

    Args:
        tasks: The tasks that count for the score, in the order of tables.
        images: Number of scored images of each task; 0 for a task without images, which counts as 0.
        scores: ``<task>/<key>`` for each score of a task, and the means of :func:`aggregate_scores`.
        columns: Names and units of the scores of each task.
        rows: Rows of the metrics for each image; see :mod:`aurora_mm.evaluation.per_image`. The rows of a task's judge
            come first. A task whose judge is a metric of another package has none.
    """

    tasks: TaskTable
    images: dict[str, int]
    scores: dict[str, float]
    columns: dict[str, TaskColumns]
    rows: list[ResultRow]

    def nested(self) -> dict[str, Any]:
        """Return the scores as nested dicts; see :func:`nested_scores`."""
        return nested_scores(self.scores)

    def of_task(self, task: str) -> dict[str, float]:
        """Return the scores of a task by their keys, including ``'primary'``."""
        return {k.removeprefix(f'{task}/'): v for k, v in self.scores.items() if k.startswith(f'{task}/')}


def score_rows(rows: Iterable[ResultRow], tasks: TaskTable) -> EvaluationResult:
    """Compute all scores from the rows of images; they equal those of the evaluation that made the rows.

    Args:
        rows: Rows of all images; the rows of a task's judge come first.
        tasks: All tasks that count; a task without rows counts as 0.
    """
    rows = list(rows)
    by_task: dict[str, dict[str, list[list[ResultRow]]]] = {name: {} for name in tasks}
    for (task, name), images in rows_by_image(rows).items():
        by_task[task][name] = images
    scores: dict[str, float] = {}
    primaries: dict[str, float] = {}
    columns: dict[str, TaskColumns] = {}
    for task, of_metrics in by_task.items():
        names = list(of_metrics) or [tasks[task].task_type.metric]
        of_task: dict[str, float] = {}
        for name, images in of_metrics.items():
            prefix, metric = metric_of_row(name)
            of_metric = metric.scores(images)
            primaries.setdefault(task, metric.primary(of_metric))
            of_task |= {f'{prefix}{key}': value for key, value in of_metric.items()}
        columns[task] = TaskColumns.of([metric_of_row(name) for name in names], tasks[task].unit, of_task)
        scores.update({f'{task}/{key}': value for key, value in of_task.items()})
    counts = {task: len(next(iter(of_metrics.values()), ())) for task, of_metrics in by_task.items()}
    return EvaluationResult(tasks, counts, scores | aggregate_scores(primaries, tasks), columns, rows)
