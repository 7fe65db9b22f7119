"""Averaging of primary scores, and nesting of flat results."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mmengine.logging import MMLogger

from aurora_mm.tasks import TaskTable

TYPE_PREFIX = 'type/'


def aggregate_scores(primaries: Mapping[str, float], tasks: TaskTable) -> dict[str, float]:
    """Average the primary scores of the tasks.

    A task whose primary score is missing or nan counts as 0, and a warning names it: the score must not rise because a
    task cannot be scored.

    Args:
        primaries: Primary score in [0, 1] of each scored task.
        tasks: All tasks that count, at least one.

    Returns:
        ``<task>/primary`` of each task; ``type/<type>``, the mean over the tasks of each task type; ``task_mean``, the
        mean over all tasks; and ``score``, the mean over the task types.
    """
    logger = MMLogger.get_current_instance()
    counted = {}
    for name in tasks:
        value = primaries.get(name)
        if value is None:
            logger.warning(f'task {name}: no image was scored, so it counts as 0')
        elif math.isnan(value):
            logger.warning(f'task {name}: the primary score is nan and counts as 0')
        counted[name] = 0.0 if value is None or math.isnan(value) else float(value)
    type_means = {t: _mean([counted[task.name] for task in tasks.of_type(t)]) for t in tasks.types()}
    return {
        **{f'{name}/primary': value for name, value in counted.items()},
        **{f'{TYPE_PREFIX}{task_type}': value for task_type, value in type_means.items()},
        'task_mean': _mean(list(counted.values())),
        'score': _mean(list(type_means.values())),
    }


def nested_scores(results: Mapping[str, Any]) -> dict[str, Any]:
    """Convert the evaluator's flat results to nested dicts, ready for a JSON file.

    Args:
        results: Return value of :meth:`MultiTaskEvaluator.evaluate`.

    Returns:
        ``{'tasks': {task: {metric: value}}, 'types': {type: value}, 'score': ..., 'task_mean': ...}``; keys that
        belong to no task stay at the top level. A nan becomes None, since JSON has no nan.
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
