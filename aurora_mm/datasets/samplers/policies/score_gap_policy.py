"""A sampling policy that prefers tasks with low validation scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from aurora_mm.datasets.samplers.policies.sampling_policy import SamplingPolicy, TaskProgress
from aurora_mm.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class ScoreGapPolicy(SamplingPolicy):
    """Samples a task more often if its validation score is low and its weight in the total score is high.

    ``p(task) ~ share * (1 - score)^gap_power * images^size_power``, mixed with the uniform distribution over the T
    tasks: ``(1 - floor) * p + floor / T``. The total score is the mean over task types of the mean over their tasks,
    so ``share`` is ``1 / (number of tasks of the same type)``. Before the first validation, every score counts as 0.

    The formula follows from a model of training: the gap ``1 - score`` of a task falls with the number k of its drawn
    images as ``A * k^-alpha``. For a fixed sum of k over the tasks, the total score is highest if ``share * alpha *
    gap / k`` is equal for all tasks, so that k is proportional to ``alpha * share * gap``. A task with few images
    gains less from further training than one with many, so alpha grows with the number of images, which
    ``images^size_power`` approximates. Unlike losses, scores of different task types are all in [0, 1] and need no
    factors. ``floor`` makes sure that tasks with high scores, or with an unreliable score from a small validation
    set, are still trained.

    Args:
        gap_power: Exponent of the gap ``1 - score``.
        size_power: Exponent of the number of images.
        floor: Fraction of the probability that is divided equally between all tasks, in [0, 1].
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
        # At least 0.001, so that the gaps of all tasks are never 0.
        gap = np.array([1.0 if task.score is None else max(1 - task.score, 1e-3) for task in tasks])
        weight = share * gap**self.gap_power * np.array([task.images for task in tasks]) ** self.size_power
        return np.log((1 - self.floor) * weight / weight.sum() + self.floor / len(tasks))
