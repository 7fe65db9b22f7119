"""Charts of a training run."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.ticker import MaxNLocator

from aurora_mm.analysis.report.charts import INK, Chart, legend_below, plain_log_axis, type_colour
from aurora_mm.analysis.report.training_log import TrainingLog
from aurora_mm.task_types import TASK_TYPES
from aurora_mm.tasks import TaskTable


def training_charts(log: TrainingLog) -> list[Chart]:
    """Draw the score by epoch and the losses by iteration; :func:`task_charts` draws those of the tasks."""
    charts = []
    if 'score' in log.validation:
        charts.append(_scores(log))
    if 'loss' in log.training:
        charts.append(_losses(log))
    return charts


def task_charts(log: TrainingLog, tasks: TaskTable) -> list[Chart]:
    """Draw the running loss, the sampling probability and the loss weight of each task over time."""
    charts = []
    ordered = [task.name for task_type in TASK_TYPES for task in tasks.of_type(task_type)]
    for kind, title in (
        ('task_loss', 'Loss of each task, relative to its first'),
        ('task_prob', 'Probability that a task is sampled'),
        ('task_weight', "Weight of each task's loss"),
    ):
        series = log.by_task(kind, ordered)
        if series:
            charts.append(_by_task(title, series, relative=kind == 'task_loss'))
    return charts


def _scores(log: TrainingLog) -> Chart:
    chart = Chart('Validation score by epoch', 5.2, 3.1)
    with chart.draw() as axes:
        for task_type in TASK_TYPES:
            if f'type/{task_type}' in log.validation:
                axes.plot(
                    *log.series(f'type/{task_type}'),
                    color=type_colour(task_type),
                    label=task_type,
                    marker='.',
                    markersize=5,
                )
        epochs, values = log.series('score')
        axes.plot(epochs, values, color=INK, linewidth=2.6, label='score', marker='.', markersize=8)
        best = int(np.argmax(values))
        axes.annotate(
            f'{values[best]:.3f}',
            (epochs[best], values[best]),
            xytext=(0, 6),
            textcoords='offset points',
            ha='center',
            weight='bold',
        )
        axes.set_ylim(0, 1.02)
        axes.set_xlabel('epoch')
        axes.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        legend_below(axes)
    return chart


def _losses(log: TrainingLog) -> Chart:
    chart = Chart('Weighted training losses by iteration', 5.2, 3.1)
    iterations, losses = log.series('loss')
    marker = '.' if len(iterations) == 1 else None  # a line of one point is invisible
    with chart.draw() as axes:
        for task_type in TASK_TYPES:
            if f'loss_{task_type}' in log.training:
                axes.plot(
                    *log.series(f'loss_{task_type}'), color=type_colour(task_type), label=task_type, marker=marker
                )
        axes.plot(iterations, losses, color=INK, linewidth=2.4, label='sum', marker=marker)
        axes.set_yscale('symlog', linthresh=0.01)
        axes.set_xlabel('iteration')
        plain_log_axis(axes.yaxis)
        legend_below(axes)
    return chart


def _by_task(title: str, series: dict[str, tuple[list[float], list[float]]], relative: bool) -> Chart:
    """Draw tasks as rows, time to the right, and the value as colour."""
    steps = sorted({step for task_steps, _ in series.values() for step in task_steps})
    grid = np.full((len(series), len(steps)), np.nan)
    for row, (task_steps, values) in enumerate(series.values()):
        columns = np.searchsorted(steps, task_steps)
        grid[row, columns] = np.array(values) / values[0] if relative and values[0] > 0 else values
    chart = Chart(title, height=0.75 + 0.165 * len(series))
    with chart.draw() as axes:
        edges = np.array([0.0, *steps])
        positive = grid[np.isfinite(grid) & (grid > 0)]
        low, high = (positive.min(), positive.max()) if positive.size else (1, 1)
        norm = LogNorm(low, high) if high > 10 * low else None
        mesh = axes.pcolormesh(edges, np.arange(len(series) + 1), grid, cmap='viridis', norm=norm, rasterized=True)
        axes.grid(False)
        axes.set_yticks(np.arange(len(series)) + 0.5, list(series), fontsize=7)
        axes.tick_params(axis='y', length=0)
        axes.invert_yaxis()
        axes.set_xlabel('iteration')
        bar = axes.figure.colorbar(mesh, ax=axes, fraction=0.05, pad=0.02)
        plain_log_axis(bar.ax.yaxis)
        bar.ax.tick_params(labelsize=7)
        bar.outline.set_visible(False)
    return chart
