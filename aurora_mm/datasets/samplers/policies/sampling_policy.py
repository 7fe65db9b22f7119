"""The interface of sampling policies: how often each task is trained."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aurora_mm.errors import ConfigError


@dataclass(frozen=True)
class TaskProgress:
    """What a policy knows of a task when an epoch begins.

    Args:
        name, type: Of the task.
        images: Number of its training images, at least 1.
        loss: Running mean of its loss; None before the first.
        score: Primary score in [0, 1] of its last validation; None before the first.
    """

    name: str
    type: str
    images: int
    loss: float | None = None
    score: float | None = None


class SamplingPolicy(metaclass=ABCMeta):
    """A function from the tasks' progress to the probability of each. It keeps no state.

    Attributes:
        required_hooks (tuple[str, ...]): Classes of the hooks that a training with this policy needs, beside
            :class:`aurora_mm.engine.MultiTaskHook`, which every training with a policy has. Without one of them it is
            refused.
    """

    required_hooks: tuple[str, ...] = ()

    @abstractmethod
    def log_weights(self, tasks: Sequence[TaskProgress]) -> np.ndarray:
        """(T,) logarithms of numbers in proportion to the probabilities; in logarithms, since powers overflow."""

    def probabilities(self, tasks: Sequence[TaskProgress]) -> np.ndarray:
        """(T,) probability of each task, summing to 1.

        Raises:
            ConfigError: If they are no numbers, as of a negative loss under a fractional power.
        """
        log_weights = np.asarray(self.log_weights(tasks), dtype=float)
        if np.isnan(log_weights).any() or not np.isfinite(log_weights.max()):
            found = ', '.join(f'{task} -> {weight:g}' for task, weight in zip(tasks, log_weights, strict=True))
            raise ConfigError(f'{type(self).__name__} gives no probabilities: {found}')
        p = np.exp(log_weights - log_weights.max())
        return p / p.sum()
