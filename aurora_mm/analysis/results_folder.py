"""The files in which scores are left, by a test run and by scoring a submission alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aurora_mm.analysis.bootstrap import bootstrap_intervals
from aurora_mm.analysis.breakdown_tables import breakdown_tables
from aurora_mm.analysis.score_markdown import score_markdown
from aurora_mm.evaluation import EvaluationResult
from aurora_mm.evaluation.per_image import per_image_text
from aurora_mm.files import write_together

RESULT_FILES = ('metrics.json', 'per_image.csv', 'report.md')


def write_results(folder: str | Path, result: EvaluationResult, constant: EvaluationResult | None = None) -> str:
    """Writes ``metrics.json``, ``per_image.csv`` and ``report.md``; a folder with ``metrics.json`` has all three.

    ``metrics.json`` holds the scores as :func:`aurora_mm.evaluation.nested_scores` has them, and beside them
    ``images`` (number of scored images of each task), ``table`` (the tasks with the names of their classes or points),
    ``intervals`` if a metric kept rows, and ``constant`` if it is given.

    Args:
        folder: Where to.
        result: Of the evaluation.
        constant: The constant predictor's.

    Returns:
        The table of scores as Markdown, which the report begins with.
    """
    unscored = [name for name, number in result.images.items() if number == 0]
    intervals = bootstrap_intervals(result.rows, result.tasks, unscored) if result.rows else None
    content: dict[str, Any] = {**result.nested(), 'images': result.images, 'table': result.tasks.to_config()}
    if intervals is not None:
        content['intervals'] = intervals
    if constant is not None:
        content['constant'] = constant.nested()
    table = score_markdown(result, constant, intervals)
    write_together(
        folder,
        {
            'per_image.csv': per_image_text(result.rows),
            'report.md': table + '\n' + breakdown_tables(result.rows),
            'metrics.json': json.dumps(content, indent=2, allow_nan=False) + '\n',
        },
    )
    return table
