"""Comparison of several runs: charts over time and a table of the best scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from aurora_mm.analysis.run_history import RunHistory, Series
from aurora_mm.files import write_figure
from aurora_mm.tables import Markdown, markdown_table
from aurora_mm.task_types import TASK_TYPES
from aurora_mm.tasks import Task

_COLUMNS = (
    ('score', '{}/primary'),
    ('sampling probability', 'task_prob/{}'),
    ('loss weight', 'task_weight/{}'),
    ('running loss', 'task_loss/{}'),
)

_LARGEST_LOG_RANGE = 1e12  # matplotlib cannot label a logarithmic axis of hundreds of decades


def draw_comparison(runs: Sequence[RunHistory], out_file: str | Path) -> None:
    """Draw every task's score, sampling probability, loss weight and loss, and the gradient conflicts of the types.

    Args:
        runs: The runs, at least one; each has its own colour.
        out_file: PNG, SVG or PDF file to write.
    """
    tasks = _tasks(runs)
    pairs = list(dict.fromkeys(pair for run in runs for pair in run.of('gradient_cosine/')))
    heights = [2.2, 0.72 * len(tasks), 2.0 if pairs else 0.01]
    figure = Figure(figsize=(14, sum(heights) + 1.2), dpi=100, layout='constrained')
    top, middle, bottom = figure.subfigures(3, 1, squeeze=False, height_ratios=heights)[:, 0]

    means = ['score', *(f'type/{name}' for name in TASK_TYPES if any(f'type/{name}' in run.series for run in runs))]
    for axes, key in zip(top.subplots(1, len(means), squeeze=False, sharey=True)[0], means, strict=True):
        _plot(axes, runs, [run.series.get(key, {}) for run in runs])
        axes.set_title('mean over types' if key == 'score' else key.removeprefix('type/'), fontsize=10)
    top.suptitle('validation score', fontsize=11)

    grid = middle.subplots(len(tasks), len(_COLUMNS), squeeze=False, sharex=True)
    for column, (title, pattern) in enumerate(_COLUMNS):
        grid[0][column].set_title(title, fontsize=10)
        values = [v for run in runs for task in tasks for v in run.series.get(pattern.format(task.name), {}).values()]
        if title != 'running loss':  # losses of different tasks cannot be compared
            for axes in grid[1:, column]:
                axes.sharey(grid[0][column])
            if title != 'score' and values and 0 < 20 * min(values) < max(values) < _LARGEST_LOG_RANGE * min(values):
                grid[0][column].set_yscale('log')
        for row, task in enumerate(tasks):
            _plot(grid[row][column], runs, [run.series.get(pattern.format(task.name), {}) for run in runs])
    for axes, task in zip(grid[:, 0], tasks, strict=True):
        axes.set_ylabel(f'{task.name}\n{task.type}', rotation=0, ha='right', va='center', fontsize=8)
    if pairs:
        for axes, pair in zip(bottom.subplots(1, len(pairs), squeeze=False, sharey=True)[0], pairs, strict=True):
            _plot(axes, runs, [run.of('gradient_cosine/').get(pair, {}) for run in runs])
            axes.axhline(0, color='0.6', linewidth=0.8)
            axes.set_title(pair.replace('-', '\n'), fontsize=9)
        bottom.suptitle('cosine between the gradients of two types (below 0: conflict)', fontsize=11)
    figure.supxlabel('training steps', fontsize=10)
    handles = top.axes[0].get_lines()
    figure.legend(handles, [run.name for run in runs], loc='outside upper center', ncols=min(len(runs), 5))
    write_figure(out_file, figure)


def comparison_table(runs: Sequence[RunHistory]) -> str:
    """Format a Markdown table of each run's scores at its best validation, with the best of a row in bold."""
    rows = [('mean over types', 'score'), *((name, f'type/{name}') for name in TASK_TYPES)]
    rows += [(task.name, f'{task.name}/primary') for task in _tasks(runs)]
    cells = [['at step', *(str(run.best_step or '-') for run in runs)]]
    for title, key in rows:
        values = [None if run.best_step is None else run.series.get(key, {}).get(run.best_step) for run in runs]
        if any(value is not None for value in values):
            best = max(value for value in values if value is not None)
            shown = [_shown(value, is_best=value == best and len(runs) > 1) for value in values]
            cells.append([title, *shown])
    return markdown_table(['score at the best validation', *(run.name for run in runs)], cells)


def _tasks(runs: Sequence[RunHistory]) -> list[Task]:
    """Return the tasks that any run logged, sorted by type."""
    known = {name: task for run in runs for name, task in run.tasks.items()}
    logged = {name for run in runs for name in known if any(p.format(name) in run.series for _, p in _COLUMNS)}
    return [task for kind in TASK_TYPES for name, task in known.items() if task.type == kind and name in logged]


def _plot(axes: Axes, runs: Sequence[RunHistory], series: Sequence[Series]) -> None:
    for number, (run, values) in enumerate(zip(runs, series, strict=True)):
        marker = 'o' if len(values) < 30 else None
        axes.plot(
            list(values),
            list(values.values()),
            color=f'C{number % 10}',
            linestyle=('-', '--', ':', '-.')[number // 10 % 4],  # there are ten colours
            marker=marker,
            markersize=2.5,
            linewidth=1.2,
            label=run.name,
        )
    axes.set_xlim(left=0)
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.3)
    axes.spines[['top', 'right']].set_visible(False)


def _shown(value: float | None, is_best: bool) -> str:
    if value is None:
        return '-'
    return Markdown(f'**{value:.3f}**') if is_best else f'{value:.3f}'
