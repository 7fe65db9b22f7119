from aurora_mm.datasets.samplers.policies import (
    LossAwarePolicy,
    SamplingPolicy,
    ScoreGapPolicy,
    SizePolicy,
    TaskProgress,
)
from aurora_mm.datasets.samplers.seeded_sampler import SeededSampler
from aurora_mm.datasets.samplers.task_aware_batch_sampler import TaskAwareBatchSampler

__all__ = [
    'LossAwarePolicy',
    'SamplingPolicy',
    'ScoreGapPolicy',
    'SeededSampler',
    'SizePolicy',
    'TaskAwareBatchSampler',
    'TaskProgress',
]
