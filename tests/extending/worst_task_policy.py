"""A sampling policy: the task with the lowest score of the last validation is trained most."""

import numpy as np

from aurora_mm.datasets.samplers import SamplingPolicy
from aurora_mm.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class WorstTaskPolicy(SamplingPolicy):
    """``p(task) ~ share`` for all tasks but the worst, which gets 1.

    Args:
        share: Of the other tasks, in (0, 1].
    """

    def __init__(self, share=0.25):
        self.share = share

    def log_weights(self, tasks):
        scores = np.array([1.0 if task.score is None else task.score for task in tasks])
        return np.log(np.where(scores == scores.min(), 1.0, self.share))
