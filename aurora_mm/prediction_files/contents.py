"""What ``predictions.json`` and the answers of the API hold: docs/predictions.md, predictions.schema.json."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from aurora_mm.images.image_finder import Problem
from aurora_mm.images.sources import split_source
from aurora_mm.measurements import Measured
from aurora_mm.prediction_files.json_values import json_value
from aurora_mm.prediction_files.records import record_of
from aurora_mm.routing.task_router import ROUTING
from aurora_mm.structures import MultiTaskDataSample, TaskDataSample
from aurora_mm.tasks import Task, TaskTable
from aurora_mm.version import __version__

SCHEMA = 'aurora_mm/predictions/1'
SCHEMA_FILE = Path(__file__).with_name('predictions.schema.json')


def head_content(tasks: TaskTable, models: Sequence[str], problems: Iterable[Problem]) -> dict[str, Any]:
    """Return everything but ``images``.

    Args:
        tasks: Tasks that were asked.
        models: Names of the files of the model.
        problems: What was left out.
    """
    return dict(
        schema=SCHEMA,
        aurora_mm=__version__,
        models=list(models),
        tasks=tasks.to_config(),
        problems=[problem._asdict() for problem in problems],
    )


def image_content(sample: MultiTaskDataSample, predictions: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return an entry of ``images``.

    Args:
        sample: Predictions of an image for all of its tasks.
        predictions: :func:`prediction_content` of each task.
    """
    path, frame = split_source(sample.img_path)
    height, width = sample.ori_shape
    spacing = sample.get('pixel_spacing')
    content = dict(
        source=sample.img_path,
        file=str(path),
        frame=frame,
        height=height,
        width=width,
        pixel_spacing=None if spacing is None else list(spacing),
        predictions=list(predictions),
    )
    if 'out_of_distribution' in sample:
        content['out_of_distribution'] = sample.out_of_distribution
    if ROUTING in sample:
        content[ROUTING] = sample.routing
    return content


def prediction_content(sample: TaskDataSample, task: Task, measured: Sequence[Measured]) -> dict[str, Any]:
    """Return an entry of ``predictions``, without the addresses of a mask and of an overlay.

    Args:
        sample: Prediction of an image for one task.
        task: The task.
        measured: Measurements of the prediction.
    """
    content = dict(task=task.name, type=task.type, **record_of(task.type).content(sample, task))
    if 'uncertainty' in sample:
        content['uncertainty'] = sample.uncertainty
    return content | dict(measurements=[measurement_content(one) for one in measured])


def measurement_content(measured: Measured) -> dict[str, Any]:
    """Return an entry of ``measurements``."""
    low, high = measured.spread or (None, None)
    return dict(
        name=measured.name,
        value=json_value(measured.value),
        unit=measured.unit,
        low=json_value(low),
        high=json_value(high),
        views=measured.views,
    )
