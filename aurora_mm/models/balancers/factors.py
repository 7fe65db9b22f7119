"""Constant factors of losses, given by task or task type."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from aurora_mm.errors import ConfigError
from aurora_mm.task_types import TASK_TYPES
from aurora_mm.tasks import Task


def factors_of(tasks: Iterable[Task], factors: Mapping[str, float], owner: str) -> Tensor:
    """Return the factor of each task, ``(T,)`` fp32.

    Args:
        tasks: The T tasks.
        factors: Factors by task name or task type; the name takes precedence. All other factors are 1.
        owner: Name of the class that takes the factors, for error messages.

    Raises:
        ConfigError: If a key is neither a task nor a task type, or a factor is negative or not finite, or all
            are 0.
    """
    tasks = list(tasks)
    names = {task.name for task in tasks}
    for key, factor in factors.items():
        if key not in names and key not in TASK_TYPES:
            raise ConfigError(f'{owner}: {key!r} is neither a task nor one of {", ".join(TASK_TYPES)}')
        if not 0 <= factor < math.inf:
            raise ConfigError(f'{owner}: the weight {factor} of {key!r} is negative or not finite')
    chosen = [factors.get(task.name, factors.get(task.type, 1.0)) for task in tasks]
    if not any(chosen):
        raise ConfigError(f'{owner}: the weights of all tasks are 0, so that nothing would learn')
    return torch.tensor(chosen, dtype=torch.float32)
