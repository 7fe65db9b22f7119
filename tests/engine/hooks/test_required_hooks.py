from types import SimpleNamespace

import pytest

from aurora_mm.datasets.samplers import ScoreGapPolicy, TaskAwareBatchSampler
from aurora_mm.engine import MultiTaskHook, ReproducibleEpochHook, ResumeValidationHook
from aurora_mm.engine.hooks.required_hooks import add_line, require_hooks, require_once
from aurora_mm.errors import ConfigError
from aurora_mm.models import LossBalancer


def runner(*hooks, policy=None, balancer=None, wrapper=None):
    return SimpleNamespace(
        hooks=list(hooks),
        train_dataloader=SimpleNamespace(batch_sampler=SimpleNamespace(policy=policy)),
        model=SimpleNamespace(balancer=balancer),
        optim_wrapper=wrapper,
    )


class Needy(LossBalancer):
    required_hooks = ('ResumeValidationHook',)


@pytest.mark.parametrize(
    'part',
    [
        dict(policy=ScoreGapPolicy()),
        dict(balancer=Needy([])),
        dict(wrapper=SimpleNamespace(required_hooks=('ResumeValidationHook',))),
    ],
    ids=lambda part: next(iter(part)),
)
def test_a_part_without_its_hook_is_refused_with_the_line_to_add(part):
    name = type(next(iter(part.values()))).__name__
    with pytest.raises(
        ConfigError, match=rf'{name} needs ResumeValidationHook: add default_hooks=dict\(resume_validation=dict\(type='
    ):
        require_hooks(runner(**part))

    class Own(ResumeValidationHook):
        """A subclass does as well."""

    require_hooks(runner(Own(), **part))


def test_hooks_need_hooks_too():
    with pytest.raises(ConfigError, match='ReproducibleEpochHook needs ResumeValidationHook'):
        require_hooks(runner(ReproducibleEpochHook()))


def test_the_sampler_needs_to_be_told_the_epoch():
    assert TaskAwareBatchSampler.required_hooks == ('DistSamplerSeedHook',)
    assert add_line('MultiTaskHook') == "add default_hooks=dict(multi_task=dict(type='MultiTaskHook')) to the config"


def test_a_hook_in_both_lists_is_refused():
    hook = MultiTaskHook()
    require_once(runner(hook, ResumeValidationHook()), hook)
    with pytest.raises(ConfigError, match=r'MultiTaskHook is there twice: .* leave it out of custom_hooks'):
        require_once(runner(hook, MultiTaskHook()), hook)
