"""Numbers out of range are refused before anything is built, each with its key."""

import math

import pytest
from mmengine.config import Config

from aurora_mm.apis.config_check.numbers import check_numbers
from aurora_mm.apis.config_files import read_config
from aurora_mm.errors import ConfigError
from aurora_mm.packaged_configs import PACKAGED_CONFIGS

DEMO = PACKAGED_CONFIGS / 'aurora_fmc_demo.py'


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        (
            'optim_wrapper.optimizer.lr=abc',
            "optimizer.lr must be a number of 0 or more or None, not 'abc'",
        ),
        ('optim_wrapper.optimizer.lr=-1e-3', 'optim_wrapper.optimizer.lr must be .*, not -0.001'),
        (
            'optim_wrapper.optimizer.weight_decay=-1',
            'optimizer.weight_decay must be a number of 0 or more',
        ),
        ('optim_wrapper.accumulative_counts=0', 'accumulative_counts must be a whole number of 1 or more, not 0'),
        ('optim_wrapper.clip_grad.max_norm=-1', 'optim_wrapper.clip_grad.max_norm must be a number above 0, not -1'),
        ('optim_wrapper.clip_grad.max_norm=0', 'optim_wrapper.clip_grad.max_norm must be a number above 0, not 0'),
        (
            'optim_wrapper.paramwise_cfg.norm_decay_mult=-1',
            'norm_decay_mult must be a number of 0 or more',
        ),
        ('train_cfg.max_epochs=0', 'train_cfg.max_epochs must be a whole number of 1 or more or None, not 0'),
        ('train_cfg.max_epochs=two', "train_cfg.max_epochs must be .*, not 'two'"),
        (
            'train_dataloader.batch_sampler.num_batches=0',
            'batch_sampler.num_batches must be a whole number of 1 or more',
        ),
        ('train_dataloader.batch_size=0', 'train_dataloader.batch_size must be a whole number of 1 or more or None'),
        ('val_dataloader.batch_size=2.5', 'val_dataloader.batch_size must be a whole number .*, not 2.5'),
        ('train_cfg.val_interval=0', 'train_cfg.val_interval must be a whole number of 1 or more, not 0'),
        ('randomness.seed=-1', 'randomness.seed must be a whole number from 0 to 4294967295 or None, not -1'),
        ('randomness.seed=5000000000', 'randomness.seed must be'),
        ('default_hooks.logger.interval=0', 'default_hooks.logger.interval must be'),
        ('default_hooks.checkpoint.interval=0', 'must be a whole number of 1 or more or -1, not 0'),
        ('train_dataloader.batch_size=True', 'train_dataloader.batch_size must be .*, not True'),
    ],
)
def test_a_number_out_of_range(option, message):
    with pytest.raises(ConfigError, match=rf'aurora_fmc_demo.py: .*{message}'):
        read_config(DEMO, [option])


@pytest.mark.parametrize(
    'option',
    ['randomness.seed=4294967295', 'optim_wrapper.optimizer.lr=0', 'default_hooks.checkpoint.interval=-1'],
)
def test_the_ends_of_ranges(option):
    read_config(DEMO, [option])


def test_factors_of_every_part():
    def config(**factors):
        return Config(dict(optim_wrapper=dict(paramwise_cfg=dict(custom_keys=dict(backbone=factors, neck=dict())))))

    check_numbers(config(lr_mult=0.1, decay_mult=0))
    for wrong in (dict(lr_mult=-1), dict(lr_mult=math.nan), dict(decay_mult='x')):
        with pytest.raises(ConfigError, match=r'custom_keys.backbone.(lr|decay)_mult must be a number of 0 or more'):
            check_numbers(config(**wrong))


@pytest.mark.parametrize('weight', [-1, math.nan, 'a'])
def test_weights_of_losses_wherever_they_stand(weight):
    losses = [dict(type='A', loss_weight=0), dict(type='B', loss_weight=weight)]
    config = Config(dict(model=dict(heads=dict(segmentation=dict(loss_decode=losses)))))
    with pytest.raises(ConfigError, match=r'model.heads.segmentation.loss_decode.1.loss_weight must be a number of 0'):
        check_numbers(config)


@pytest.mark.parametrize('value', [0, -1])
def test_a_clip_value_with_which_nothing_learns_or_all_goes_wrong(value):
    config = Config(dict(optim_wrapper=dict(clip_grad=dict(type='value', clip_value=value))))
    with pytest.raises(ConfigError, match=r'optim_wrapper.clip_grad.clip_value must be a number above 0'):
        check_numbers(config)


def test_what_a_config_lacks_is_not_checked():
    check_numbers(Config(dict(optim_wrapper=None, train_dataloader=dict())))


@pytest.mark.parametrize(
    ('key', 'value', 'allowed'),
    [
        ('power', -1.0, 'a number of 0 or more'),
        ('power', '1', 'a number of 0 or more'),
        ('gamma', -0.1, 'a number above 0'),
        ('gamma', 0, 'a number above 0'),
        ('factor', 0.0, 'a number above 0'),
        ('eta_min', math.nan, 'a number of 0 or more or None'),
        ('eta_min_ratio', -0.1, 'a number of 0 or more or None'),
        ('begin', -1, 'a number of 0 or more'),
        ('end', 0, 'a number above 0'),
        ('step_size', 0, 'a whole number of 1 or more'),
        ('T_max', -1, 'a number above 0 or None'),
        ('total_steps', 0, 'a whole number of 1 or more or None'),
        ('div_factor', 0, 'a number above 0'),
        ('final_div_factor', -1, 'a number above 0'),
        ('patience', -1, 'a whole number of 0 or more'),
        ('cooldown', 0.5, 'a whole number of 0 or more'),
    ],
)
def test_numbers_of_schedulers(key, value, allowed):
    schedulers = [dict(type='LinearLR', begin=0, end=1), {'type': 'X', key: value}]
    for whole, path in ((schedulers, f'1.{key}'), (dict(a=schedulers), f'a.1.{key}')):
        with pytest.raises(ConfigError, match=f'param_scheduler.{path} must be {allowed}, not '):
            check_numbers(Config(dict(param_scheduler=whole)))


def test_schedulers_as_they_may_be():
    check_numbers(Config(dict(param_scheduler=None)))
    poly = dict(type='PolyLR', power=0.9, eta_min=0, begin=0.5, end=12)
    check_numbers(Config(dict(param_scheduler=[poly, dict(type='CosineAnnealingLR', T_max=None, eta_min=None)])))
