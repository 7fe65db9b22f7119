"""The published loss-aware sampling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from aurora_mm.datasets.samplers.policies.sampling_policy import SamplingPolicy, TaskProgress
from aurora_mm.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class LossAwarePolicy(SamplingPolicy):
    """``p(task) ~ (images^size_power * (loss * scale)^loss_power + offset)^(1 / temperature)``.

    ``loss`` is the running mean of the task's loss when the epoch begins; the loss term is 1 before the first.

    Args:
        size_power, loss_power, offset, temperature: See the formula; the defaults are AURORA's.
        scales: Factor on the loss, by task type; by default AURORA's, 300 for landmarks.
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
        with np.errstate(divide='ignore'):  # a loss of 0 without offset: probability 0
            return np.log(sizes * terms + self.offset) / self.temperature
