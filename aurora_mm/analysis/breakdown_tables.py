"""What lies behind the scores, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aurora_mm.analysis.breakdowns import Case, Group, by_size, by_target, ranked
from aurora_mm.evaluation.per_image import TargetResult
from aurora_mm.evaluation.scores import PIXEL_METRICS


def details_report(rows: Sequence[TargetResult], worst: int = 5) -> str:
    """Tables by class or point and by size of the target, and the worst images of each task.

    Args:
        rows: The table of results.
        worst: Images listed of each task.

    Returns:
        Markdown; figures in ``px`` are of the original image.
    """
    sections = [
        ('By class or point', _group_table(by_target(rows), 'target')),
        ('By size of the target (its share of the image)', _group_table(by_size(rows), 'size')),
        (f'The worst {worst} images of each task', _worst_table(ranked(rows), worst)),
    ]
    return '\n'.join(f'## {title}\n\n{table}\n' for title, table in sections if table)


def _group_table(groups: Iterable[Group], kind: str) -> str:
    lines = [f'| {group.task} | {group.name} | {group.number} | {_figures(group.scores)} |' for group in groups]
    head = [f'| task | {kind} | targets | means |', '|---|---|---|---|']
    return '\n'.join(head + lines) if lines else ''


def _worst_table(cases: dict[str, list[Case]], worst: int) -> str:
    lines = ['| task | image | result |', '|---|---|---|'] if cases else []
    for task, of_task in cases.items():
        lines += [f'| {task} | {case.rows[0].img_path} | {_result(case)} |' for case in of_task[:worst]]
    return '\n'.join(lines)


def _result(case: Case) -> str:
    rows = case.rows
    if rows[0].type == 'classification':
        (row,) = rows
        return f'class {row.truth} taken for {row.pred}, probability of the true class {case.goodness:.3f}'
    parts = []
    for row in rows:
        values = {name: getattr(row, name) for name in ('DSC', 'HD', 'IoU', 'error')}
        figures = _figures({name: value for name, value in values.items() if value is not None})
        parts.append(f'{row.target}: {figures}')
    return '; '.join(parts)


def _figures(scores: dict[str, float]) -> str:
    return ', '.join(f'{k} {v:.1f} px' if k in PIXEL_METRICS else f'{k} {v:.3f}' for k, v in scores.items())
