"""Look-up of annotations and predictions in a sample, with clear errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aurora_mm.errors import ConfigError, DataError


def annotation(sample: Mapping[str, Any], field: str) -> Any:
    """Return the annotation ``field`` of a sample.

    Args:
        sample: A data sample as nested dicts.
        field: A name that starts with ``gt_``.

    Raises:
        DataError: If the sample has no such annotation.
    """
    if field not in sample:
        raise DataError(
            f'task {sample.get("task")!r}: the sample has no {field}, and scoring needs labels',
            file=sample.get('img_path'),
        )
    return sample[field]


def annotation_in_original_coordinates(sample: Mapping[str, Any], field: str) -> Any:
    """Return the annotation ``field`` of a sample after checking that it is in original coordinates.

    Raises:
        DataError: If the sample has no such annotation.
        ConfigError: If ``gt_coordinates`` is not ``'original'``. Predictions are in original coordinates, so a
            comparison with annotations in network coordinates would give wrong scores without an error.
    """
    value = annotation(sample, field)
    if sample.get('gt_coordinates') != 'original':
        raise ConfigError(
            f'task {sample.get("task")!r}, {sample.get("img_path")}: annotations to score must be in original '
            f'coordinates, but gt_coordinates is {sample.get("gt_coordinates")!r}; is a training pipeline used for '
            'evaluation?'
        )
    return value


def prediction(sample: Mapping[str, Any], field: str) -> Any:
    """Return the prediction ``field`` of a sample.

    Raises:
        ConfigError: If the model did not set this prediction.
    """
    if field not in sample:
        raise ConfigError(
            f'task {sample.get("task")!r} ({sample.get("task_type")}): the metric reads {field}, which the model did '
            f'not predict for {sample.get("img_path")}'
        )
    return sample[field]


def best_box(sample: Mapping[str, Any]) -> NDArray[np.float64] | None:
    """Return the predicted box of the highest score, (4,) xyxy in original pixels; None if there is no box.

    Raises:
        ConfigError: If the model did not set ``pred_instances``.
    """
    pred = prediction(sample, 'pred_instances')
    if len(pred['bboxes']) == 0:
        return None
    return pred['bboxes'][int(pred['scores'].argmax())].double().cpu().numpy()
