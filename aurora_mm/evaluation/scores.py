"""From each task's primary score to one score, and from flat results to nested ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mmengine.logging import MMLogger

from aurora_mm.tasks import TASK_TYPES, TaskTable

TYPE_PREFIX = 'type/'
PIXEL_METRICS = ('HD', 'HD95', 'MRE', 'error')
"""Metrics in pixels of the original image; all others are fractions."""


def aggregate_scores(primaries: Mapping[str, float], tasks: TaskTable) -> dict[str, float]:
    """Means of the tasks' primary scores.

    A primary score that is nan counts as 0, and a warning names its task: a score must not rise because a task
    cannot be scored.

    Args:
        primaries: Primary score in [0, 1] of each scored task; at least one.
        tasks: The tasks' types.

    Returns:
        ``<task>/primary`` of each task, ``type/<type>``, the mean over the tasks of each type present,
        ``task_mean``, the mean over all tasks, and ``score``, the mean over the types present.
    """
    counted = {name: 0.0 if math.isnan(value) else float(value) for name, value in primaries.items()}
    for name, value in primaries.items():
        if math.isnan(value):
            MMLogger.get_current_instance().warning(f'task {name}: the primary score is nan and counts as 0')
    by_type = {
        task_type: [value for name, value in counted.items() if tasks[name].type == task_type]
        for task_type in TASK_TYPES
    }
    type_means = {task_type: _mean(values) for task_type, values in by_type.items() if values}
    return {
        **{f'{name}/primary': value for name, value in counted.items()},
        **{f'{TYPE_PREFIX}{task_type}': value for task_type, value in type_means.items()},
        'task_mean': _mean(list(counted.values())),
        'score': _mean(list(type_means.values())),
    }


def nested_scores(results: Mapping[str, Any]) -> dict[str, Any]:
    """The evaluator's flat results as nested dicts, ready for a JSON file.

    Args:
        results: What :meth:`MultiTaskEvaluator.evaluate` returned.

    Returns:
        ``{'tasks': {task: {metric: value}}, 'types': {type: value}, 'score': ..., 'task_mean': ...}``; keys that
        belong to no task stay at the top. A nan becomes None, since JSON knows no nan.
    """
    nested: dict[str, Any] = {'tasks': {}, 'types': {}}
    for key, value in results.items():
        value = None if isinstance(value, float) and math.isnan(value) else value
        task, slash, metric = key.partition('/')
        if not slash:
            nested[key] = value
        elif key.startswith(TYPE_PREFIX):
            nested['types'][metric] = value
        else:
            nested['tasks'].setdefault(task, {})[metric] = value
    return nested


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
