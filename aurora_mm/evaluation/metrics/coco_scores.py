"""Scores of COCO's evaluation."""

from __future__ import annotations

import math
from typing import Any

from mmengine.evaluator import BaseMetric

from aurora_mm.evaluation.metrics.foreign_metric import ForeignMetric

_UNDEFINED = -1  # pycocotools' number for a score without any true box, such as that of small objects


def without_undefined(metric: BaseMetric, scores: dict[str, Any]) -> dict[str, Any]:
    """Return scores with nan where a metric of COCO says by -1 that a score is not defined.

    Left as it is, the -1 would lower means over tasks and folds.

    Args:
        metric: The metric that gave the scores. Those of metrics that are no ``CocoMetric`` of mmdet stay as they are,
            since -1 may be their worst score.
        scores: Scores by name.
    """
    judged = metric.metric if isinstance(metric, ForeignMetric) else metric
    if not any(cls.__module__.startswith('mmdet.') and 'Coco' in cls.__name__ for cls in type(judged).__mro__):
        return scores
    return {name: math.nan if value == _UNDEFINED else value for name, value in scores.items()}
