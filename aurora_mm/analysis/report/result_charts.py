"""Charts of the numbers that metrics keep of the images of a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.metrics import auc, roc_curve

from aurora_mm.analysis.report.charts import COLOURS, FAINT, Chart, legend_below, plain_log_axis, type_colour
from aurora_mm.analysis.report.results import Results
from aurora_mm.evaluation import Column, TaskMetric
from aurora_mm.tasks import Task


def metric_charts(results: Results, metric: type[TaskMetric], tasks: Sequence[Task]) -> list[Chart]:
    """Draw the numbers that a metric computes for each target.

    Args:
        results: Results with the rows.
        metric: Judge of the tasks.
        tasks: The tasks, at least one.

    Returns:
        A chart for each brief column of the metric's rows that a row has. For the first column also a chart by the
        target's size, if rows hold it, or, if it is an error with a unit, a chart of the fraction of targets below each
        error.
    """
    colour = type_colour(metric.task_type)
    charts = []
    for index, column in enumerate(column for column in metric.row_columns if column.brief):
        groups = _by_target(results, tasks, column)
        if groups:
            charts.append(_boxes(column, groups, colour))
        if index == 0 and column.unit and not column.higher_is_better:
            charts.append(_cumulative(results, tasks, column))
    if 'size' in metric.row_data and metric.row_columns:
        rows = [row for task in tasks for row in results.targets(task) if row['size'] > 0]
        if rows:
            column = metric.row_columns[0]
            sizes, values = ([row[name] for row in rows] for name in ('size', column.name))
            charts.append(_by_size(column, sizes, values, colour))
    return charts


def _by_target(results: Results, tasks: Sequence[Task], column: Column) -> dict[str, list[float]]:
    """Return the numbers of each target that has some, by the task's name if it has only one target."""
    groups: dict[str, list[float]] = {}
    for task in tasks:
        for row in (row for row in results.targets(task) if column.name in row.values):
            label = task.name if len(task.target_names) == 1 else f'{task.name}: {row.target}'
            groups.setdefault(label, []).append(row[column.name])
    return groups


def _cumulative(results: Results, tasks: Sequence[Task], column: Column) -> Chart:
    """Draw the fraction of targets with at most each error."""
    chart = Chart(f'Share of targets with at most an {column.name}')
    with chart.draw() as axes:
        for task, colour in zip(tasks, COLOURS, strict=False):
            ordered = np.sort([row[column.name] for row in results.targets(task)])
            share = np.arange(1, len(ordered) + 1) / len(ordered)
            axes.step([0, *ordered], [0, *share], where='post', color=colour, label=task.name)
        axes.set_xlim(left=0)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel(f'{column.name}, {column.unit}')
        legend_below(axes)
    return chart


def agreement_chart(results: Results, task: Task) -> Chart:
    """Draw predictions against the truth as Bland and Altman do: differences over means, with the limits of agreement.

    Args:
        results: Results with the rows.
        task: A task whose rows hold one ``truth`` and one ``pred``, numbers.
    """
    truth, pred = (np.array([row[name] for row in results.targets(task)], float) for name in ('truth', 'pred'))
    scores = results.scores['tasks'][task.name]
    unit = f', {task.unit}' if task.unit else ''
    chart = Chart(f'Agreement of {task.name} (Bland-Altman){unit}')
    with chart.draw() as axes:
        axes.plot((truth + pred) / 2, pred - truth, '.', color=type_colour(task.type))
        for key, style in (('bias', '-'), ('LoA_low', '--'), ('LoA_high', '--')):
            if scores.get(key) is not None:
                axes.axhline(scores[key], linestyle=style, color=FAINT, label=f'{key} {scores[key]:.3g}')
        axes.set_xlabel(f'mean of truth and prediction{unit}')
        axes.set_ylabel('prediction - truth')
        legend_below(axes)
    return chart


def roc_chart(results: Results, task: Task) -> Chart | None:
    """Draw the receiver operating characteristic of each class against the rest; for two classes, of class 1.

    Args:
        results: Results with the rows.
        task: A task whose rows hold ``truth`` and ``probs``.

    Returns:
        The chart; None if there is only one true class.
    """
    rows = results.targets(task)
    truth = np.array([row['truth'] for row in rows])
    probs = np.array([row['probs'] for row in rows], float)
    shown = [1] if task.num_outputs == 2 else range(task.num_outputs)
    curves = {}
    for label in shown:
        if 0 < (truth == label).sum() < len(truth):
            curves[task.classes[label]] = roc_curve(truth == label, probs[:, label])[:2]
    if not curves:
        return None
    chart = Chart(task.name, 3.1, 3.0 + 0.17 * ((len(curves) + 1) // 2))
    with chart.draw() as axes:
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=':')
        for (name, (false, true)), colour in zip(curves.items(), COLOURS, strict=False):
            axes.plot(false, true, color=colour, label=f'{name} {auc(false, true):.2f}')
        axes.set_xlabel('false positive rate')
        axes.set_ylabel('true positive rate')
        axes.set_aspect('equal')
        legend_below(axes, columns=2)
    return chart


def _boxes(column: Column, groups: Mapping[str, Sequence[float]], colour: str) -> Chart:
    """Draw a row for each group: values as dots, quartiles as a box, the median as a line."""
    chart = Chart(f'{column.title}, {column.unit}' if column.unit else column.title, height=0.8 + 0.21 * len(groups))
    with chart.draw() as axes:
        rng = np.random.default_rng(0)
        for row, values in enumerate(groups.values()):
            jitter = row + rng.uniform(-0.22, 0.22, len(values))
            axes.plot(values, jitter, '.', color=colour, alpha=0.6, markersize=4.5, markeredgewidth=0)
        axes.boxplot(
            list(groups.values()),
            orientation='horizontal',
            positions=range(len(groups)),
            widths=0.62,
            showfliers=False,
            whis=(5, 95),
            boxprops=dict(color=FAINT),
            whiskerprops=dict(color=FAINT),
            capprops=dict(color=FAINT),
            medianprops=dict(color=colour, linewidth=2.2),
        )
        axes.set_yticks(range(len(groups)), list(groups), fontsize=7)
        axes.tick_params(axis='y', length=0)
        axes.grid(False, axis='y')
        axes.invert_yaxis()
        if not column.unit:
            axes.set_xlim(-0.02, 1.02)
        else:
            if min(map(min, groups.values())) > 0:
                axes.set_xscale('log')
            else:
                axes.set_xscale('symlog', linthresh=1)
                axes.set_xlim(left=0)
            plain_log_axis(axes.xaxis)
    return chart


def _by_size(column: Column, sizes: Sequence[float], values: Sequence[float], colour: str) -> Chart:
    """Draw every target of every image over its fraction of the image area."""
    chart = Chart(f'{column.name} by the size of the target')
    with chart.draw() as axes:
        axes.plot(np.array(sizes) * 100, values, '.', color=colour, alpha=0.6, markersize=4.5, markeredgewidth=0)
        axes.set_xscale('log')
        plain_log_axis(axes.xaxis)
        if not column.unit:
            axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel('share of the image, %')
        axes.set_ylabel(column.name)
    return chart
