from aurora_mm.datasets.samplers.policies.loss_aware_policy import LossAwarePolicy
from aurora_mm.datasets.samplers.policies.sampling_policy import SamplingPolicy, TaskProgress
from aurora_mm.datasets.samplers.policies.score_gap_policy import ScoreGapPolicy
from aurora_mm.datasets.samplers.policies.size_policy import SizePolicy

__all__ = ['LossAwarePolicy', 'SamplingPolicy', 'ScoreGapPolicy', 'SizePolicy', 'TaskProgress']
