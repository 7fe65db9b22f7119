from types import SimpleNamespace

import pytest

from aurora_mm.datasets.samplers import LossAwarePolicy, TaskAwareBatchSampler
from aurora_mm.errors import ConfigError


def test_drop_last_is_refused():
    sampler = SimpleNamespace(dataset=SimpleNamespace(indices_by_task=dict))
    with pytest.raises(ConfigError, match='drop_last means nothing'):
        TaskAwareBatchSampler(sampler, 4, drop_last=True)


def test_without_progress_nothing_is_drawn():
    sampler = object.__new__(TaskAwareBatchSampler)
    sampler.policy, sampler._knows_progress = LossAwarePolicy(), False
    with pytest.raises(ConfigError, match='LossAwarePolicy does not know where the run stands'):
        next(iter(sampler))
