"""Sampling by what validation says is still to be gained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from aurora_mm.datasets.samplers.policies.sampling_policy import SamplingPolicy, TaskProgress
from aurora_mm.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class ScoreGapPolicy(SamplingPolicy):
    """Trains a task the more, the more the final score can still gain by it.

    ``p(task) ~ share of the task in the score * (1 - score)^gap_power * images^size_power``, mixed with the uniform
    distribution: ``(1 - floor) p + floor / T``. The score is the mean over the types of the mean over their tasks, so
    a task's share is ``1 / (number of tasks of its type)``. Before the first validation every gap is 1.

    Why: let a task's gap fall with the number k of its training images as ``A k^-alpha``. Then ``sum of share *
    score`` under a fixed sum of k is greatest where ``share * alpha * gap / k`` is the same for all tasks, which is
    ``k ~ alpha * share * gap``. Repeating few images teaches less than seeing many: alpha grows with the number of
    images, and ``images^size_power`` stands for it. Losses of different types have no common scale and need
    factors chosen by hand; scores are all in [0, 1], and are what is wanted. The floor keeps a task alive that is
    mastered, or whose validation set is too small to be believed.

    Args:
        gap_power, size_power, floor: See the formula.
    """

    required_hooks = ('ResumeValidationHook',)

    def __init__(self, gap_power: float = 1.0, size_power: float = 0.25, floor: float = 0.1) -> None:
        self.gap_power = gap_power
        self.size_power = size_power
        self.floor = floor

    def log_weights(self, tasks: Sequence[TaskProgress]) -> np.ndarray:
        """See :class:`SamplingPolicy`."""
        of_type = Counter(task.type for task in tasks)
        share = np.array([1 / of_type[task.type] for task in tasks])
        # A perfect score leaves a little, so that not every gap can be 0.
        gap = np.array([1.0 if task.score is None else max(1 - task.score, 1e-3) for task in tasks])
        weight = share * gap**self.gap_power * np.array([task.images for task in tasks]) ** self.size_power
        return np.log((1 - self.floor) * weight / weight.sum() + self.floor / len(tasks))
