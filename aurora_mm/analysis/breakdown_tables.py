"""Breakdowns of the scores as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aurora_mm.analysis.breakdowns import Group, RankedImage, by_size, by_target, ranked
from aurora_mm.evaluation import ResultRow
from aurora_mm.evaluation.metrics import metric_of_row
from aurora_mm.tables import markdown_table


def breakdown_tables(rows: Sequence[ResultRow], worst: int = 5) -> str:
    """Format tables by class or point, by size of the target, and of the worst images of each task.

    Args:
        rows: Rows of an evaluation.
        worst: Number of images listed for each task.

    Returns:
        Markdown text; numbers in ``px`` are original pixels, those in mm are of images whose pixel spacing is known.
    """
    sections = [
        ('By class or point', group_table(by_target(rows), 'target')),
        ('By size of the target (its share of the image)', group_table(by_size(rows), 'size')),
        (f'The worst {worst} images of each task', _worst_table(ranked(rows), worst)),
    ]
    return '\n'.join(f'## {title}\n\n{table}' for title, table in sections if table)


def group_table(groups: Iterable[Group], kind: str) -> str:
    """Format a table of groups of targets.

    Args:
        groups: The groups.
        kind: Heading of the column of their names.

    Returns:
        Markdown text, ``''`` if there is no group. Where not all targets have a number, the text says how many do.
    """
    rows = [(group.task, group.name, str(group.number), _means(group)) for group in groups]
    return markdown_table(('task', kind, 'targets', 'means'), rows) if rows else ''


def _means(group: Group) -> str:
    of_known = '' if group.known == group.number else f' of {group.known}'
    return ', '.join(c.named_text(v) + (of_known if c.optional else '') for c, v in group.scores.items())


def _worst_table(images: dict[str, list[RankedImage]], worst: int) -> str:
    rows = [
        (task, image.rows[0].img_path, metric_of_row(image.rows[0].metric)[1].describe(image.rows))
        for task, of_task in images.items()
        for image in of_task[:worst]
    ]
    return markdown_table(('task', 'image', 'result'), rows) if rows else ''
