"""Rows of the report's tables, ready for the template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

import numpy as np
from sklearn.metrics import confusion_matrix

from aurora_mm.analysis.report import published
from aurora_mm.analysis.report.results import Results
from aurora_mm.evaluation import Column
from aurora_mm.evaluation.metrics import metric_of_row
from aurora_mm.task_types import TASK_TYPES
from aurora_mm.tasks import Task

_PRIMARY = Column('primary')


@dataclass(frozen=True)
class Score:
    """A value with its interval, as text and as positions on a bar in percent.

    Args:
        value: The score; None if it is not defined.
        interval: Its confidence interval.
        column: Its name and unit.
    """

    value: float | None
    interval: tuple[float, float] | None = None
    column: Column = _PRIMARY

    @property
    def text(self) -> str:
        """The value as text without its unit, which is in the table's head."""
        return self._format(self.value)

    @property
    def interval_text(self) -> str:
        """The interval as text; empty if there is none."""
        return '' if self.interval is None else ' to '.join(map(self._format, self.interval))

    def percent(self, value: float | None) -> float:
        """Return the position of a value in [0, 1] on the bar, in percent."""
        return 100 * min(max(value or 0.0, 0.0), 1.0)

    def _format(self, value: float | None) -> str:
        return self.column.text(value).removesuffix(f' {self.column.unit}')


@dataclass(frozen=True)
class TaskScores:
    """A row of a table: the scores of one task.

    Args:
        task: The task.
        images: Number of scored images.
        bar: The primary score.
        scores: Scores by key.
        constant: Primary score of the constant predictor, if it was scored.
        public: Score of the task in the public code's log, if it has one.
    """

    task: Task
    images: int
    bar: Score
    scores: dict[str, Score]
    constant: float | None
    public: float | None


@dataclass(frozen=True)
class ScoreTable:
    """A table of the tasks of one type whose scores have the same names.

    Args:
        bar_title: Title of the bar.
        primary_text: How the bar follows from the headline; ``''`` if it is the headline.
        columns: Columns by key.
        rows: Rows of the tasks.
    """

    bar_title: str
    primary_text: str
    columns: dict[str, Column]
    rows: list[TaskScores] = field(default_factory=list)

    @property
    def has_public(self) -> bool:
        """Whether the public code's log has a score of one of the tasks."""
        return any(row.public is not None for row in self.rows)

    @property
    def notes(self) -> list[str]:
        """Notes below the table."""
        notes = [f'The bar is {self.primary_text}.'] if self.primary_text else []
        for key, column in self.columns.items():
            if not np.isnan(column.undefined) and any(row.scores[key].value is None for row in self.rows):
                notes.append(
                    f'{column.name} is not defined where it is -; the official scorer takes {column.undefined:g}.'
                )
        return notes


def score_tables(results: Results, task_type: str) -> list[ScoreTable]:
    """Build the tables of a task type: one, unless single tasks have other metrics."""
    tables: dict[tuple[str, ...], ScoreTable] = {}
    for task in results.tasks.of_type(task_type):
        columns, headline, primary_text = results.columns(task)
        title = 'score' if primary_text else headline
        table = tables.setdefault((title, *columns), ScoreTable(title, primary_text, columns))
        table.rows.append(_task_scores(results, task, columns))
    return list(tables.values())


def _task_scores(results: Results, task: Task, columns: dict[str, Column]) -> TaskScores:
    values = results.scores['tasks'][task.name]
    constant = (results.scores.get('constant') or {}).get('tasks', {}).get(task.name, {})
    return TaskScores(
        task=task,
        images=results.scores['images'][task.name],
        bar=Score(values['primary'], results.interval('tasks', task.name, 'primary')),
        scores={
            key: Score(values.get(key), results.interval('tasks', task.name, key), column)
            for key, column in columns.items()
        },
        constant=constant.get('primary'),
        public=published.PUBLIC_CODE_LOG.get(task.name),
    )


@dataclass(frozen=True)
class Comparison:
    """The means over tasks of one entry, in the order of :func:`published_columns`."""

    name: str
    what: str
    values: list[Score]


def published_columns() -> list[tuple[str, Column]]:
    """Return task type and column of each mean that published entries report."""
    found = []
    for task_type, means in published.ENTRIES[0].means.items():
        columns = {column.name: column for column in metric_of_row(TASK_TYPES[task_type].metric)[1].columns}
        found += [(task_type, columns[name]) for name in means]
    return found


def comparisons(results: Results) -> list[Comparison]:
    """Return the means over tasks of the run and of the published entries."""
    columns = published_columns()
    ours = []
    for task_type, column in columns:
        values = [results.scores['tasks'][task.name].get(column.name) for task in results.tasks.of_type(task_type)]
        ours.append(Score(_mean(values), column=column))
    rows = [Comparison('this run', 'on its own test data', ours)]
    for entry in published.ENTRIES:
        theirs = [Score(entry.means[task_type][column.name], column=column) for task_type, column in columns]
        rows.append(Comparison(entry.name, entry.what, theirs))
    return rows


@dataclass(frozen=True)
class Confusion:
    """The confusion matrix of a classification task, ``counts[true][predicted]``, also as fractions of its rows."""

    task: Task
    counts: list[list[int]]
    shares: list[list[float]]


def confusion(results: Results, task: Task) -> Confusion:
    """Compute the confusion matrix of a task whose rows hold ``truth`` and ``pred``."""
    rows = results.targets(task)
    labels = list(range(task.num_outputs))
    counts = confusion_matrix([row['truth'] for row in rows], [row['pred'] for row in rows], labels=labels)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return Confusion(task, counts.tolist(), shares.tolist())


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
