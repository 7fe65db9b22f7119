"""The interface of sampling policies, which decide how often each task is trained."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aurora_mm.errors import ConfigError


@dataclass(frozen=True)
class TaskProgress:
    """Training progress of a task at the start of an epoch.

    Args:
        name: Name of the task.
        type: Task type.
        images: Number of training images, at least 1.
        loss: Running mean of the loss; None before the first one.
        score: Primary score of the last validation, in [0, 1]; None before the first validation.
    """

    name: str
    type: str
    images: int
    loss: float | None = None
    score: float | None = None


class SamplingPolicy(metaclass=ABCMeta):
    """Base class of sampling policies: computes the probability of each task from its training progress.

    A policy has no state.

    Attributes:
        required_hooks (tuple[str, ...]): Names of the hook classes that training with this policy needs, in addition
            to :class:`aurora_mm.engine.MultiTaskHook`. Training does not start without them.
    """

    required_hooks: tuple[str, ...] = ()

    @abstractmethod
    def log_weights(self, tasks: Sequence[TaskProgress]) -> np.ndarray:
        """Compute unnormalized log-probabilities of T tasks. Logarithms avoid an overflow of powers.

        Args:
            tasks: Progress of each task.

        Returns:
            (T,) float.
        """

    def probabilities(self, tasks: Sequence[TaskProgress]) -> np.ndarray:
        """Compute the probability of each of T tasks.

        Args:
            tasks: Progress of each task.

        Returns:
            (T,) float, summing to 1.

        Raises:
            ConfigError: If the result is not finite, for example because a loss is negative.
        """
        log_weights = np.asarray(self.log_weights(tasks), dtype=float)
        if np.isnan(log_weights).any() or not np.isfinite(log_weights.max()):
            found = ', '.join(f'{task} -> {weight:g}' for task, weight in zip(tasks, log_weights, strict=True))
            raise ConfigError(f'{type(self).__name__} gives no probabilities: {found}')
        p = np.exp(log_weights - log_weights.max())
        return p / p.sum()
