"""Rows of the report's tables, ready for the template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from sklearn.metrics import confusion_matrix

from aurora_mm.analysis.report import published
from aurora_mm.analysis.report.results import Results
from aurora_mm.evaluation.scores import PIXEL_METRICS
from aurora_mm.tasks import Task

# The official metrics of each type; the first is the one that ranks a task and is drawn as a bar.
METRICS = {
    'segmentation': ('DSC', 'HD', 'HD95', 'NSD'),
    'classification': ('Accuracy', 'AUC', 'F1_macro', 'MCC'),
    'detection': ('IoU',),
    'landmark': ('MRE', 'MRE_diagonal'),
}


@dataclass(frozen=True)
class Score:
    """A value with its interval, as text and, for what lies in [0, 1], as places on a bar in percent."""

    value: float | None
    interval: tuple[float, float] | None = None
    pixels: bool = False

    @property
    def text(self) -> str:
        """The value."""
        return self._format(self.value)

    @property
    def interval_text(self) -> str:
        """The interval, or nothing."""
        return '' if self.interval is None else ' to '.join(map(self._format, self.interval))

    def percent(self, value: float | None) -> float:
        """Place of a value in [0, 1] on the bar."""
        return 100 * min(max(value or 0.0, 0.0), 1.0)

    def _format(self, value: float | None) -> str:
        if value is None:
            return '-'
        return f'{value:.1f}' if self.pixels else f'{value:.3f}'


@dataclass(frozen=True)
class TaskRow:
    """One task's scores. ``bar`` is its primary score; ``constant`` and ``public`` are marks beside it."""

    task: Task
    images: int
    bar: Score
    scores: dict[str, Score]
    constant: float | None
    public: float | None


def task_rows(results: Results, task_type: str) -> list[TaskRow]:
    """A row for each scored task of a type."""
    rows = []
    constants = (results.scores.get('constant') or {}).get('tasks', {})
    for task in results.scored(task_type):
        values = results.scores['tasks'][task.name]
        scores = {
            name: Score(values[name], results.interval('tasks', task.name, name), name in PIXEL_METRICS)
            for name in METRICS[task_type]
            if name in values
        }
        ranked = METRICS[task_type][0]
        interval = results.interval('tasks', task.name, 'primary')
        if interval is None and ranked not in PIXEL_METRICS:
            interval = results.interval('tasks', task.name, ranked)
        images = len({row.img_id for row in results.targets(task)})
        public = published.PUBLIC_CODE_LOG.get(task.name)
        constant = constants.get(task.name, {}).get('primary')
        rows.append(TaskRow(task, images, Score(values['primary'], interval), scores, constant, public))
    return rows


@dataclass(frozen=True)
class Comparison:
    """One entry's means over tasks, by metric."""

    name: str
    what: str
    values: dict[str, float | None]


def comparisons(results: Results) -> list[Comparison]:
    """The run's means over tasks beside those that other entries report."""
    ours = {
        metric: _mean([results.scores['tasks'][task.name].get(metric) for task in results.scored(task_type)])
        for metric, task_type in published.ENTRY_METRICS.items()
    }
    rows = [Comparison('this run', 'on its own test data', ours)]
    for entry in published.ENTRIES:
        rows.append(Comparison(entry.name, entry.what, {name: getattr(entry, name) for name in ours}))
    return rows


@dataclass(frozen=True)
class Confusion:
    """Counts of a classification task: ``counts[true][predicted]``, and each as a share of its row."""

    task: Task
    counts: list[list[int]]
    shares: list[list[float]]


def confusion(results: Results, task: Task) -> Confusion:
    """The confusion matrix of a task."""
    rows = results.targets(task)
    labels = list(range(task.num_outputs))
    counts = confusion_matrix([row.truth for row in rows], [row.pred for row in rows], labels=labels)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return Confusion(task, counts.tolist(), shares.tolist())


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
