"""The schedule of the learning rate against the length of the training."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper
from mmengine.registry import PARAM_SCHEDULERS

from aurora_mm.engine.schedule_length import (
    drop_late_schedulers,
    require_learning,
    tell_cut_schedulers,
    tell_overlaps,
)
from aurora_mm.errors import ConfigError

LENGTH = 5  # steps of an epoch


def runner(*schedulers, epochs=12, groups=((1, 0.5),), resume=False):
    weights = [dict(params=[torch.nn.Parameter(torch.zeros(count))], lr=lr) for count, lr in groups]
    wrapper = OptimWrapper(torch.optim.SGD(weights, lr=0.5, momentum=0.9))
    built = [
        PARAM_SCHEDULERS.build(
            dict(end=epochs, **cfg) if 'end' not in cfg else cfg,
            default_args=dict(optimizer=wrapper, epoch_length=LENGTH),
        )
        for cfg in schedulers
    ]
    return SimpleNamespace(
        param_schedulers=built,
        optim_wrapper=wrapper,
        train_dataloader=range(LENGTH),
        max_epochs=epochs,
        _resume=resume,
    )


def cosine(**options):
    return dict(type='CosineAnnealingLR', convert_to_iter_based=True, **options)


WARM_UP = dict(type='LinearLR', start_factor=0.01, begin=0, end=1, convert_to_iter_based=True)


@pytest.mark.parametrize(
    'schedulers',
    [
        [],
        [WARM_UP],
        [WARM_UP, cosine(begin=1)],
        [cosine(end=6, eta_min=0.1)],
        [dict(type='StepLR', step_size=3)],
        [dict(type='OneCycleLR', eta_max=1.0, convert_to_iter_based=True)],
        [dict(type='CosineAnnealingMomentum', eta_min=0.0, T_max=3, end=3)],
    ],
)
def test_schedules_that_leave_something_to_learn(schedulers):
    require_learning(runner(*schedulers))


@pytest.mark.parametrize(
    'schedulers',
    [
        [WARM_UP, cosine(begin=1, end=6, T_max=5)],
        [cosine(end=6)],
        [dict(type='OneCycleLR', eta_max=1.0, total_steps=6, end=6, convert_to_iter_based=True)],
        [dict(type='PolyLR', power=1.0, end=6)],
        [dict(type='MultiStepLR', milestones=[2, 3, 4], end=6)],
    ],
)
def test_a_rate_next_to_0_for_half_of_the_epochs_is_refused(schedulers):
    training = runner(*schedulers, groups=((2, 0.5), (3, 0.0)))
    before = [scheduler.state_dict().copy() for scheduler in training.param_schedulers]
    with pytest.raises(ConfigError, match='param_scheduler ends at epoch 6 of 12, and the learning rate stays at'):
        require_learning(training)
    assert [scheduler.state_dict() for scheduler in training.param_schedulers] == before


def test_schedulers_of_several_optimisers():
    good, bad = runner(cosine()), runner(cosine(end=6))
    good.param_schedulers = dict(a=good.param_schedulers, b=bad.param_schedulers)
    with pytest.raises(ConfigError, match='epoch 6 of 12'):
        require_learning(good)


def test_a_resumed_run_has_the_schedule_of_its_checkpoint():
    finished = runner(cosine())
    for _ in range(12 * LENGTH):
        finished.optim_wrapper.optimizer.step()
        finished.param_schedulers[0].step()
    longer = runner(cosine(), epochs=24, resume=True)
    longer.optim_wrapper.load_state_dict(finished.optim_wrapper.state_dict())
    longer.param_schedulers[0].load_state_dict(finished.param_schedulers[0].state_dict())
    with pytest.raises(ConfigError, match=r'epoch 12 of 24, .*a resumed run keeps .* \(--load-from\)'):
        require_learning(longer)


def test_what_begins_after_the_end_is_left_out():
    def kept(schedulers, **train_cfg):
        cfg = Config(dict(train_cfg=train_cfg, param_scheduler=schedulers))
        return [each.type for each in drop_late_schedulers(cfg).param_scheduler]

    two = [WARM_UP, cosine(begin=1)]
    assert kept(two, max_epochs=2) == ['LinearLR', 'CosineAnnealingLR']
    assert kept(two, max_epochs=1) == ['LinearLR']
    by_steps = [dict(type='LinearLR', by_epoch=False, end=500), dict(type='PolyLR', by_epoch=False, begin=500)]
    assert kept(by_steps, max_epochs=1) == ['LinearLR', 'PolyLR']
    assert kept(by_steps, by_epoch=False, max_iters=500) == ['LinearLR']
    assert kept([cosine(begin=3, end=9)], max_epochs=2) == ['CosineAnnealingLR']  # MMEngine takes it and never begins
    for none in (None, []):
        assert drop_late_schedulers(Config(dict(param_scheduler=none))).param_scheduler == none


def test_rates_that_are_all_zero():
    with pytest.raises(ConfigError, match='the learning rate of all parameters is 0, so that nothing would learn'):
        require_learning(runner(groups=((1, 0.0), (2, 0.0))))
    require_learning(runner(groups=((1, 0.0), (2, 0.5))))


@pytest.fixture
def told(caplog):
    """Messages of a function that warns of the schedulers of a runner."""
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)

    def messages(tell, training):
        caplog.clear()
        tell(training)
        return list(caplog.messages)

    yield messages
    logger.removeHandler(caplog.handler)


def test_schedulers_that_the_training_cuts_are_told(told):
    assert not told(tell_cut_schedulers, runner(WARM_UP, cosine(begin=1)))
    (message,) = told(tell_cut_schedulers, runner(WARM_UP | dict(end=10), epochs=2))
    assert message.startswith('LinearLR goes on to epoch 10, and the training ends with epoch 2: ')


def test_milestones_that_the_training_does_not_reach_are_told(told):
    def steps(*milestones):
        return dict(type='MultiStepLR', milestones=milestones)

    assert not told(tell_cut_schedulers, runner(steps(2, 11)))
    (message,) = told(tell_cut_schedulers, runner(steps(16, 11, 12) | dict(convert_to_iter_based=True)))
    assert message == ('MultiStepLR has milestones that the training does not reach, which ends with epoch 12: 12, 16')


@pytest.mark.parametrize(
    ('first', 'second', 'epochs'),
    [
        (WARM_UP, cosine(), '0 to 1'),
        (dict(type='LinearLR', begin=0, end=4), cosine(begin=2), '2 to 4'),
        (dict(type='LinearLR', by_epoch=False, begin=0, end=8), dict(type='PolyLR', begin=1), '1 to 1.6'),
        (dict(type='PolyLR', power=2.0), dict(type='ExponentialLR', gamma=0.9), '0 to 12'),
    ],
)
def test_schedulers_that_change_the_rate_at_the_same_time_are_told(told, first, second, epochs):
    (message,) = told(tell_overlaps, runner(first, second))
    assert message.startswith(f'{first["type"]} and {second["type"]} both change the learning rate from epoch {epochs}')


@pytest.mark.parametrize(
    'schedulers',
    [
        [],
        [WARM_UP, cosine(begin=1)],
        [dict(type='LinearLR', by_epoch=False, begin=0, end=8), dict(type='MultiStepLR', milestones=[8, 11])],  # mmdet
        [cosine(), dict(type='CosineAnnealingMomentum', eta_min=0.0)],
    ],
)
def test_schedulers_that_do_not_disturb_each_other(told, schedulers):
    assert not told(tell_overlaps, runner(*schedulers))
