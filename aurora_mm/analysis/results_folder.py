"""The files of scores that tests and the scoring of submissions write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aurora_mm.analysis.bootstrap import bootstrap_intervals
from aurora_mm.analysis.breakdown_tables import breakdown_tables
from aurora_mm.analysis.column_groups import Values, by_columns, column_table, to_json
from aurora_mm.analysis.robustness_table import robustness_table
from aurora_mm.analysis.score_markdown import score_markdown
from aurora_mm.evaluation import EvaluationResult
from aurora_mm.evaluation.per_image import per_image_text
from aurora_mm.files import write_together
from aurora_mm.tables import markdown_text

RESULT_FILES = ('metrics.json', 'per_image.csv', 'report.md')


def write_results(
    folder: str | Path,
    result: EvaluationResult,
    constant: EvaluationResult | None = None,
    values: Values | None = None,
    robustness: Mapping[str, Any] | None = None,
    model: Mapping[str, Any] | None = None,
) -> str:
    """Write ``metrics.json``, ``per_image.csv`` and ``report.md``; a folder with ``metrics.json`` has all three.

    ``metrics.json`` holds the scores in the form of :func:`aurora_mm.evaluation.nested_scores`, and in addition
    ``images`` (number of scored images of each task), ``table`` (the tasks with the names of their classes or points),
    ``intervals`` if a metric kept rows, ``constant`` if it is given, and ``groups`` by column and task if values are
    given (:func:`aurora_mm.analysis.column_groups.by_columns`). ``robustness`` and
    ``model`` are added as they are.

    Args:
        folder: Folder of the files.
        result: Result of the evaluation.
        constant: Result of the constant predictor.
        values: Values of columns by which images are grouped.
        robustness: Scores on corrupted images, :func:`aurora_mm.apis.robustness.score_corrupted`.
        model: What was tested: ``weights``, the checksums of the members' weights, ``views``, whether predictions are
            averages over views, and ``calibrated``.

    Returns:
        The table of scores as Markdown, with which the report begins.
    """
    unscored = [name for name, number in result.images.items() if number == 0]
    intervals = bootstrap_intervals(result.rows, result.tasks, unscored) if result.rows else None
    content: dict[str, Any] = {**result.nested(), 'images': result.images, 'table': result.tasks.to_config()}
    if intervals is not None:
        content['intervals'] = intervals
    if constant is not None:
        content['constant'] = constant.nested()
    if model is not None:
        content['model'] = dict(model)
    groups = by_columns(result.rows, values or {})
    if groups:
        content['groups'] = to_json(groups)
    sections = [f'## By {markdown_text(column)}\n\n{column_table(column, groups[column])}' for column in groups]
    if robustness is not None:
        content['robustness'] = robustness
        sections.append(robustness_table(robustness))
    table = score_markdown(result, constant, intervals)
    write_together(
        folder,
        {
            'per_image.csv': per_image_text(result.rows),
            'report.md': '\n'.join([table, *sections, breakdown_tables(result.rows)]),
            'metrics.json': json.dumps(content, indent=2, allow_nan=False) + '\n',
        },
    )
    return table
