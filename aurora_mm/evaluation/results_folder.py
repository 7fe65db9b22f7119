"""The files in which scores are left, by a test run and by scoring a submission alike."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aurora_mm.analysis.bootstrap import bootstrap_intervals
from aurora_mm.analysis.breakdown_tables import details_report
from aurora_mm.analysis.score_report import score_report
from aurora_mm.evaluation.per_image import TargetResult, per_image_text
from aurora_mm.files import write_together
from aurora_mm.tasks import TaskTable

RESULT_FILES = ('metrics.json', 'per_image.csv', 'report.md')


def write_results(
    folder: str | Path,
    scores: Mapping[str, Any],
    rows: Sequence[TargetResult],
    tasks: TaskTable,
    constant: Mapping[str, Any] | None = None,
) -> str:
    """Writes ``metrics.json``, ``per_image.csv`` and ``report.md``; a folder with ``metrics.json`` has all three.

    Args:
        folder: Where to.
        scores: As :func:`aurora_mm.evaluation.nested_scores` gives them. In ``metrics.json`` the confidence intervals
            stand beside them as ``intervals``, ``constant`` as such, and as ``names`` those of each task's classes
            or points.
        rows: The table of results; empty if no official metric was computed.
        tasks: The task table.
        constant: The constant predictor's scores.

    Returns:
        The table of scores as Markdown, which the report begins with.
    """
    intervals = bootstrap_intervals(rows) if rows else None
    extras: dict[str, Any] = dict(intervals=intervals, constant=constant)
    extras = {key: value for key, value in extras.items() if value is not None}
    extras['names'] = {name: list(tasks[name].output_names) for name in scores['tasks']}
    table = score_report(scores, tasks, constant, intervals)
    write_together(
        folder,
        {
            'per_image.csv': per_image_text(rows),
            'report.md': table + '\n' + details_report(rows),
            'metrics.json': json.dumps({**scores, **extras}, indent=2, allow_nan=False) + '\n',
        },
    )
    return table
