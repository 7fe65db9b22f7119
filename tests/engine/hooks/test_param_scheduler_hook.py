"""What the schedulers of a run may make of its learning rate."""

import pytest
import torch

from aurora_mm.errors import ConfigError
from aurora_mm.models import MultiTaskModel
from tests.engine.hooks.tiny_run import tiny_run
from tests.models.test_multi_task_model import config


@pytest.fixture
def model():
    torch.manual_seed(0)
    return MultiTaskModel(**config())


def run(name, folder, model, **scheduler):
    scores = [(0.5, 0.5, 0.5)] * 4
    runner = tiny_run(name, folder, model, scores, epochs=4, param_scheduler=[scheduler])
    runner.train()
    return runner


@pytest.mark.parametrize(
    ('scheduler', 'value'),
    [
        (dict(type='PolyLR', power=1.0, end=2.5), '-'),
        (dict(type='OneCycleLR', eta_max=-1.0, total_steps=4), '-'),
        (dict(type='CosineAnnealingLR', eta_min=float('nan'), T_max=4), 'nan'),
    ],
)
def test_a_rate_that_cannot_be(tmp_path, model, scheduler, value):
    with pytest.raises(ConfigError, match=rf'{scheduler["type"]} of param_scheduler made lr {value}.* for step 1 of'):
        run(f'rate_{scheduler["type"]}', tmp_path, model, **scheduler)
    assert all(parameter.isfinite().all() for parameter in model.parameters())


def test_a_score_that_the_validation_does_not_give(tmp_path, model):
    told = r'monitor of ReduceOnPlateauLR names AUC, and the validation gives seg/primary, cls/primary, points/primary'
    with pytest.raises(ConfigError, match=told):
        run('plateau_wrong', tmp_path, model, type='ReduceOnPlateauLR', monitor='AUC', rule='greater')


def test_the_rate_follows_the_score(tmp_path, model):
    monitor = dict(type='ReduceOnPlateauLR', monitor='seg/primary', rule='greater', patience=0, factor=0.5)
    runner = run('plateau', tmp_path, model, **monitor)
    groups = runner.optim_wrapper.optimizer.param_groups
    assert groups[0]['lr'] < groups[0]['initial_lr']
