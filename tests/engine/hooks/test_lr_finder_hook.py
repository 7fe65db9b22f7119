"""The sweep on a problem whose largest stable rate is known."""

import csv
import itertools

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

from aurora_mm.engine import LRFinderHook
from aurora_mm.engine.hooks import lr_finder_hook
from aurora_mm.errors import AuroraError, ConfigError
from aurora_mm.models.utils.nonfinite_guard import NonFiniteGuard
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task


class Quadratic(BaseModel):
    """loss = 1 + k/2 w^2, k = 4: a step of plain gradient descent shrinks w while lr < 2 / k = 0.5."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.full((1,), 3.0))
        self.slow = nn.Parameter(torch.zeros(1))

    def forward(self, inputs, data_samples=None, mode='loss'):
        return dict(loss=(1 + 2 * self.w**2 + 0 * self.slow).sum())


def sweep(tmp_path, hook, steps=60, model=None):
    runner = Runner(
        model=model or Quadratic(),
        work_dir=str(tmp_path),
        train_dataloader=torch.utils.data.DataLoader([dict(inputs=torch.zeros(1))] * 10),
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=steps),
        optim_wrapper=dict(
            optimizer=dict(type='SGD', lr=0.1), paramwise_cfg=dict(custom_keys={'slow': dict(lr_mult=0.1)})
        ),
        default_hooks=dict(checkpoint=None),
        custom_hooks=[hook],
        log_level='WARNING',
        experiment_name=f'sweep_{id(hook)}',
    )
    runner.train()
    return runner


@pytest.mark.long
def test_the_sweep_stops_where_descent_diverges_and_suggests_less(tmp_path):
    hook = LRFinderHook(low=1e-3, high=100.0, smoothing=0.5)
    runner = sweep(tmp_path, hook)
    rates = [row[0] for row in hook.rows]
    assert rates[0] == pytest.approx(1e-3)
    assert all(b / a == pytest.approx(1e5 ** (1 / 59)) for a, b in itertools.pairwise(rates))
    assert 0.5 < rates[-1] < 100
    assert runner.iter < 60
    assert 1e-3 < hook.suggestion() < 0.5
    groups = runner.optim_wrapper.param_groups
    assert groups[1]['lr'] == pytest.approx(groups[0]['lr'] * 0.1)


@pytest.mark.long
def test_the_curve_is_written(tmp_path):
    hook = LRFinderHook(low=1e-4, high=1e-1)
    sweep(tmp_path, hook)
    with (tmp_path / 'lr_finder.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row['lr']) for row in rows] == [row[0] for row in hook.rows]
    assert float(rows[0]['loss']) == 19  # 1 + 2 * 3^2
    assert (tmp_path / 'lr_finder.png').stat().st_size > 5000


def test_a_sweep_that_goes_nowhere_is_refused():
    with pytest.raises(ConfigError, match=r'not from 0\.1 to 0\.1'):
        LRFinderHook(0.1, 0.1)


@pytest.mark.long
def test_all_processes_stop_at_the_step_at_which_their_mean_diverges(tmp_path, monkeypatch):
    def with_another_process(loss, op):
        assert op == 'mean'
        loss.copy_((loss + (1e4 if hook._rate > 0.01 else loss)) / 2)

    hook = LRFinderHook(low=1e-3, high=0.1)
    monkeypatch.setattr(lr_finder_hook, 'all_reduce', with_another_process)
    runner = sweep(tmp_path, hook)
    assert runner.iter < 60
    assert hook.rows[-1][0] < 0.01


def test_a_loss_that_is_not_finite_from_the_start_is_an_error(tmp_path):
    model = Quadratic()
    with torch.no_grad():
        model.w.fill_(torch.nan)
    with pytest.raises(AuroraError, match=r'not finite at the first learning rate, 0\.001'):
        sweep(tmp_path, LRFinderHook(low=1e-3, high=0.1), model=model)


class Guarded(Quadratic):
    """Counts a loss that is not finite as 0, as MultiTaskModel does."""

    def __init__(self):
        super().__init__()
        self.guard = NonFiniteGuard([Task('a', 'classification', classes=['x', 'y'])], limit=0)
        self.steps = 0

    def forward(self, inputs, data_samples=None, mode='loss'):
        self.steps += 1
        finite = torch.tensor([self.steps <= 30])
        self.guard.note([TaskDataSample(metainfo=dict(task='a'))], finite)
        return dict(loss=super().forward(inputs)['loss'] * finite[0])


@pytest.mark.long
def test_the_sweep_ends_at_a_loss_that_the_model_counts_as_nothing(tmp_path):
    hook = LRFinderHook(low=1e-6, high=1e-4)
    model = Guarded()
    sweep(tmp_path, hook, model=model)
    assert len(hook.rows) == 30
    assert model.steps == 31
    model.guard.report()
