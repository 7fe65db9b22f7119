"""The files about a calibration: ``calibration.json``, a table and reliability plots."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from aurora_mm.errors import DataError
from aurora_mm.files import write_figure, write_together
from aurora_mm.json_files import read_json
from aurora_mm.tables import markdown_table

CALIBRATION_FILE = 'calibration.json'
_COLUMNS = 4  # of the plots
_DIGITS = {'px': 0, 'classes': 2, 'answers': 2}  # of sizes, by their unit


def write_calibration(folder: str | Path, content: Mapping[str, Any]) -> str:
    """Write ``calibration.md``, ``calibration.json`` and, if predictions have probabilities, ``reliability.png``.

    Args:
        folder: Folder of the files.
        content: What :func:`aurora_mm.calibration.evaluation.cross_fit` or ``measure`` returned.

    Returns:
        The table as Markdown.
    """
    table = calibration_table(content)
    if any(task['reliability']['before'] for task in content['tasks'].values()):
        write_figure(Path(folder) / 'reliability.png', reliability_figure(content))
    texts = {'calibration.md': table, CALIBRATION_FILE: json.dumps(content, indent=1, allow_nan=False) + '\n'}
    write_together(folder, texts)
    return table


def calibration_table(content: Mapping[str, Any]) -> str:
    """Format a Markdown table with a row for each task and target.

    Args:
        content: See :func:`write_calibration`.
    """
    rows: list[tuple[str, ...]] = []
    for name, task in content['tasks'].items():
        before, after = (task['reliability'][key] for key in ('before', 'after'))
        errors: tuple[str, ...] = 3 * ('-',)
        if before is not None:
            errors = tuple(f'{value:.3f}' for value in (before['ece'], after['ece'], after['chance']))
        for target, reached in task['coverage'].items():
            size = '-' if reached['size'] is None else f'{reached["size"]:.{_DIGITS.get(task["unit"], 1)}f}'
            unlimited = f', none for {100 * reached["unlimited"]:.0f} %' if reached['unlimited'] else ''
            cells = f'{100 * reached["reached"]:.1f} %', f'{size} {task["unit"]}{unlimited}'
            rows.append((name, str(task['images']), *errors, target, *cells))
            errors = 3 * ('',)
        if not task['coverage']:  # probabilities alone
            rows.append((name, str(task['images']), *errors, '-', '-', '-'))
    asked = f'coverage, asked {100 * content["coverage"]:g} %'
    heads = ('task', 'images', 'ECE before', 'ECE after', 'ECE by chance', 'target', asked, 'mean size')
    return markdown_table(heads, rows)


def read_calibration(folder: str | Path) -> dict[str, Any] | None:
    """Read ``calibration.json`` of a folder; None if it has none.

    Raises:
        DataError: If the file is not one that :func:`write_calibration` wrote.
    """
    file = Path(folder) / CALIBRATION_FILE
    if not file.is_file():
        return None
    content = read_json(file)
    try:
        calibration_table(content)  # reads all values
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DataError(f'no description of a calibration ({type(error).__name__}: {error})', file=file) from error
    return content


def reliability_figure(content: Mapping[str, Any]) -> Figure:
    """Draw how often predictions of each confidence are correct, before and after, a plot for each task.

    Args:
        content: See :func:`write_calibration`.
    """
    tasks = {name: task['reliability'] for name, task in content['tasks'].items() if task['reliability']['before']}
    lines = -(-len(tasks) // _COLUMNS)
    figure = Figure(figsize=(2.6 * min(len(tasks), _COLUMNS), 2.7 * lines), layout='constrained')
    for index, (name, reliability) in enumerate(tasks.items(), 1):
        axes = figure.add_subplot(lines, min(len(tasks), _COLUMNS), index)
        draw_reliability(axes, reliability)
        axes.set_title(name, fontsize=8)
    return figure


def draw_reliability(axes: Any, reliability: Mapping[str, Any]) -> None:
    """Draw the fraction of correct predictions over their confidence; on the diagonal they are equal.

    Args:
        axes: Axes of matplotlib.
        reliability: ``before`` and ``after``, see :class:`aurora_mm.calibration.reliability.Reliability`.
    """
    axes.plot([0, 1], [0, 1], color='#8a94a0', linewidth=1, linestyle=':')
    for key, colour in (('before', '#d55e00'), ('after', '#0072b2')):
        values = reliability[key]
        label = f'{key}, ECE {values["ece"]:.3f}'
        axes.plot(values['confidence'], values['correct'], 'o-', color=colour, markersize=3, label=label)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel='confidence', ylabel='share correct', aspect='equal')
    axes.legend(fontsize=6, loc='upper left')
