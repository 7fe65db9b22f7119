"""The loss-aware sampling policy of AURORA."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from aurora_mm.datasets.samplers.policies.sampling_policy import SamplingPolicy, TaskProgress
from aurora_mm.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class LossAwarePolicy(SamplingPolicy):
    """``p(task) ~ (images^size_power * (loss * scale)^loss_power + offset)^(1 / temperature)``.

    ``loss`` is the running mean of the task's loss at the start of the epoch. Before a task has a loss, the factor
    ``(loss * scale)^loss_power`` is 1. All default values are those of AURORA.

    Args:
        size_power: Exponent of the number of images.
        loss_power: Exponent of the scaled loss.
        offset: Constant that is added for every task.
        temperature: Above 1 makes the probabilities more equal, below 1 less equal.
        scales: ``scale`` by task type, 1 for types that are not named. By default 300 for landmark tasks.
    """

    def __init__(
        self,
        size_power: float = 0.5,
        loss_power: float = 1.0,
        offset: float = 1.0,
        temperature: float = 0.7,
        scales: Mapping[str, float] | None = None,
    ) -> None:
        self.size_power = size_power
        self.loss_power = loss_power
        self.offset = offset
        self.temperature = temperature
        self.scales = dict(landmark=300.0) if scales is None else dict(scales)

    def log_weights(self, tasks: Sequence[TaskProgress]) -> np.ndarray:
        """See :class:`SamplingPolicy`."""
        terms = [
            1.0 if task.loss is None else np.power(task.loss * self.scales.get(task.type, 1.0), self.loss_power)
            for task in tasks
        ]
        sizes = np.power([task.images for task in tasks], self.size_power)
        with np.errstate(divide='ignore'):  # a loss of 0 and an offset of 0 give the probability 0
            return np.log(sizes * terms + self.offset) / self.temperature
