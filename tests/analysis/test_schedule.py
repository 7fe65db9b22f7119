"""Schedules against their formulas."""

import pytest
from mmengine.config import Config

from aurora_mm.analysis.schedule import plot_schedule, schedule_curve


def config(schedulers, **train_cfg):
    return Config(
        dict(
            train_cfg=train_cfg,
            optim_wrapper=dict(optimizer=dict(type='AdamW', lr=0.5)),
            param_scheduler=schedulers,
        )
    )


def test_epochs_and_warm_up(tmp_path):
    schedulers = [
        dict(type='LinearLR', start_factor=0.2, by_epoch=False, begin=0, end=5),
        dict(type='MultiStepLR', milestones=[2, 3], gamma=0.1),
    ]
    rates = schedule_curve(config(schedulers, type='EpochBasedTrainLoop', max_epochs=4), 6)
    assert len(rates) == 24
    assert rates[:6] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.5])
    assert rates[6:] == pytest.approx([0.5] * 6 + [0.05] * 6 + [0.005] * 6)
    plot_schedule(rates, 6, tmp_path / 'new' / 'lr.png')
    assert (tmp_path / 'new/lr.png').stat().st_size > 5000


def test_one_cycle_by_steps():
    cycle = dict(type='OneCycleLR', eta_max=1.0, pct_start=0.2, total_steps=20, by_epoch=False)
    rates = schedule_curve(config([cycle], type='IterBasedTrainLoop', max_iters=20), 7)
    assert len(rates) == 20
    assert rates[0] == pytest.approx(1 / 25)
    assert max(rates) == rates[3] == pytest.approx(1)
    assert rates[-1] == pytest.approx(1 / 25 / 1e4)


def test_no_schedule():
    assert schedule_curve(config([], type='EpochBasedTrainLoop', max_epochs=2), 3) == [0.5] * 6


def test_a_training_as_long_as_its_warm_up():
    cosine = dict(type='CosineAnnealingLR', begin=1, convert_to_iter_based=True)
    warm_up = dict(type='LinearLR', start_factor=0.5, begin=0, end=1, convert_to_iter_based=True)
    rates = schedule_curve(config([warm_up, cosine], type='EpochBasedTrainLoop', max_epochs=1), 3)
    assert rates == pytest.approx([0.25, 0.375, 0.5])
