"""The scores of groups of images that share a value of a column, such as a centre, and the worst group."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from aurora_mm.analysis.bootstrap import bootstrap_intervals
from aurora_mm.evaluation import ResultRow
from aurora_mm.evaluation.metrics import metric_of_row, rows_by_image
from aurora_mm.tables import markdown_table

FEWEST_IMAGES = 20
"""A group of fewer images is flagged: it is not called the worst while there is a larger one."""

NO_VALUE = '(none)'

Values = Mapping[str, Mapping[tuple[str, str], str]]
"""Value by column, then by task and ``image_path`` as the CSV files have it."""


@dataclass(frozen=True)
class ColumnGroup:
    """The images of one task that have one value in a column.

    Args:
        value: Of the column; :data:`NO_VALUE` for images without one.
        images: Number of images.
        primary: Primary score of the task's judge, in [0, 1]; None if it is not defined.
        interval: Bootstrap interval of the score, with the level and resamples of the other intervals; None if no
            resample has a score.
        is_small: Whether there are fewer than :data:`FEWEST_IMAGES`.
        is_worst: Whether the score is the lowest of the groups that are not small, or of all if all are small. One
            group alone is never the worst.
    """

    value: str
    images: int
    primary: float | None
    interval: tuple[float, float] | None
    is_small: bool
    is_worst: bool = False


TaskGroups = Mapping[str, Sequence[ColumnGroup]]
"""The groups of one column by task."""


def by_columns(rows: Sequence[ResultRow], values: Values, resamples: int = 2000) -> dict[str, TaskGroups]:
    """Score the groups of each column and task.

    Args:
        rows: Rows of an evaluation; the rows of a task's judge come first.
        values: Of the columns.
        resamples: Of the bootstrap; images of one ``group``, such as a patient, are drawn together.

    Returns:
        The :class:`ColumnGroup` of each column and task, the worst scores first.
    """
    found: dict[str, TaskGroups] = {}
    for column, of_image in values.items():
        judged: dict[str, list[ColumnGroup]] = {}
        for (task, _), images in rows_by_image(rows).items():
            if task in judged:
                continue
            groups: dict[str, list[Sequence[ResultRow]]] = {}
            for image in images:
                value = of_image.get((task, image[0].image_path)) or NO_VALUE
                groups.setdefault(value, []).append(image)
            scored = [_scored(value, group, resamples) for value, group in groups.items()]
            judged[task] = _ranked(scored)
        if judged:
            found[column] = judged
    return found


def to_json(groups: Mapping[str, TaskGroups]) -> dict[str, Any]:
    """Return the groups as ``metrics.json`` holds them: lists of dicts by column and task."""
    return {
        column: {task: [asdict(group) for group in of_task] for task, of_task in tasks.items()}
        for column, tasks in groups.items()
    }


def from_json(content: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]) -> dict[str, TaskGroups]:
    """Return the groups of which :func:`to_json` returned ``content``.

    Raises:
        TypeError, KeyError, AttributeError or ValueError: If ``content`` is something else.
    """
    return {
        column: {task: [_group(values) for values in of_task] for task, of_task in tasks.items()}
        for column, tasks in content.items()
    }


def column_table(column: str, tasks: TaskGroups) -> str:
    """Format the groups of a column as a Markdown table, task by task.

    Args:
        column: Name of the column.
        tasks: Its groups by task, the worst scores first.
    """
    rows = []
    for task, groups in tasks.items():
        for number, group in enumerate(groups):
            score = '-' if group.primary is None else f'{group.primary:.3f}'
            interval = '-' if group.interval is None else f'{group.interval[0]:.3f} to {group.interval[1]:.3f}'
            notes = [text for text, holds in (('worst', group.is_worst), ('few images', group.is_small)) if holds]
            name = task if number == 0 else ''
            rows.append((name, group.value, str(group.images), score, interval, ', '.join(notes)))
    return markdown_table(('task', column, 'images', 'primary score', '95 % interval', ''), rows)


def _group(values: Mapping[str, Any]) -> ColumnGroup:
    interval = values['interval']
    return ColumnGroup(
        value=str(values['value']),
        images=int(values['images']),
        primary=None if values['primary'] is None else float(values['primary']),
        interval=None if interval is None else (float(interval[0]), float(interval[1])),
        is_small=bool(values['is_small']),
        is_worst=bool(values['is_worst']),
    )


def _scored(value: str, images: Sequence[Sequence[ResultRow]], resamples: int) -> ColumnGroup:
    rows = [row for image in images for row in image]
    metric = metric_of_row(rows[0].metric)[1]
    primary = float(metric.primary(metric.scores(images)))
    of_task = bootstrap_intervals(rows, resamples=resamples)['tasks'][rows[0].task]
    interval = of_task.get('primary')
    return ColumnGroup(
        value=value,
        images=len(images),
        primary=primary if math.isfinite(primary) else None,
        interval=None if interval is None else (interval[0], interval[1]),
        is_small=len(images) < FEWEST_IMAGES,
    )


def _ranked(groups: Sequence[ColumnGroup]) -> list[ColumnGroup]:
    ordered = sorted(groups, key=lambda group: (group.primary is None, group.primary or 0.0, group.value))
    defined = [group for group in ordered if group.primary is not None]
    candidates = [group for group in defined if not group.is_small] or defined
    worst = candidates[0] if len(groups) > 1 and candidates else None
    return [replace(group, is_worst=group is worst) for group in ordered]
