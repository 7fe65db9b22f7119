"""How much of its scores a model loses on corrupted images, from the ``robustness`` of ``metrics.json``."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Any, NamedTuple

from aurora_mm.tables import Markdown, markdown_table

SCORE = 'score'


class Worst(NamedTuple):
    """Where a score is lowest.

    Args:
        corruption: Title of the corruption.
        strength: Its strength.
        loss: Score on the images as they are minus that.
    """

    corruption: str
    strength: float
    loss: float


class RobustnessRow(NamedTuple):
    """The losses of one task, or of the score of all.

    Args:
        name: Name of the task, or :data:`SCORE`.
        plain: Score on the images as they are.
        losses: Mean loss over the strengths, by title of the corruption; negative where scores rise.
        worst: The largest loss.
        curves: Score at each strength by title, beginning with strength 0.
    """

    name: str
    plain: float
    losses: dict[str, float]
    worst: Worst
    curves: dict[str, list[float]]


def robustness_rows(content: Mapping[str, Any]) -> list[RobustnessRow]:
    """Return a row for each task, then one for the score of all.

    Args:
        content: ``robustness`` of ``metrics.json``, see :func:`aurora_mm.apis.robustness.score_corrupted`.
    """
    found = content['corruptions']
    rows = []
    for name, plain in [*content['plain']['tasks'].items(), (SCORE, content['plain'][SCORE])]:
        curves = {title: one[SCORE] if name == SCORE else one['tasks'][name] for title, one in found.items()}
        worst = max(
            (
                Worst(title, strength, plain - value)
                for title, values in curves.items()
                for strength, value in zip(content['strengths'], values, strict=True)
            ),
            key=lambda one: one.loss,
        )
        losses = {title: plain - fmean(values) for title, values in curves.items()}
        rows.append(
            RobustnessRow(name, plain, losses, worst, {title: [plain, *values] for title, values in curves.items()})
        )
    return rows


def robustness_table(content: Mapping[str, Any]) -> str:
    """Format the section of ``report.md``: mean losses over the strengths, and the worst of each task."""
    rows = [
        (
            Markdown('**score**') if row.name == SCORE else row.name,
            f'{row.plain:.3f}',
            *(f'{-loss:+.3f}' for loss in row.losses.values()),
            f'{row.worst.corruption} at {row.worst.strength:g}: {-row.worst.loss:+.3f}',
        )
        for row in robustness_rows(content)
    ]
    strengths = ', '.join(f'{strength:g}' for strength in content['strengths'])
    units = '; '.join(f'{title} {one["unit"]}' for title, one in content['corruptions'].items())
    table = markdown_table(('task', 'plain', *content['corruptions'], 'worst'), rows)
    what = f'Change of the primary score, averaged over the strengths {strengths}. Strength 1 is: {units}.'
    return f'## Robustness\n\n{what}\n\n{table}'
