import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.runner import EpochBasedTrainLoop

from aurora_mm.engine import ReproducibleEpochHook, ResumeValidationHook
from aurora_mm.engine.hooks import seed_worker
from aurora_mm.errors import ConfigError
from aurora_mm.registry import FUNCTIONS


def draws(seed, epoch):
    ReproducibleEpochHook().before_train_epoch(SimpleNamespace(seed=seed, epoch=epoch, train_loop=None))
    return random.random(), np.random.rand(), torch.rand(()).item()


def test_an_epochs_random_state_follows_from_seed_and_number():
    assert draws(1, 2) == draws(1, 2)
    assert len({draws(1, 2), draws(1, 3), draws(2, 2)}) == 3


class Wrapper:
    _accumulative_counts = 4


def test_workers_draw_from_the_state_torch_gave_them():
    torch.manual_seed(5)
    seed_worker(0)
    first = random.random(), np.random.rand()
    seed_worker(0)
    assert (random.random(), np.random.rand()) == first
    assert FUNCTIONS.get('aurora_mm.seed_worker') is seed_worker


class Loader:
    batch_sampler = None

    def __len__(self):
        return 12


@pytest.fixture
def runner(request):
    """A runner before its first epoch, as far as the hook looks at it."""
    warnings = []
    return SimpleNamespace(
        model=torch.nn.Identity(),
        optim_wrapper=Wrapper(),
        hooks=[ResumeValidationHook()],
        train_dataloader=Loader(),
        message_hub=MessageHub(request.node.name),
        logger=SimpleNamespace(warning=warnings.append),
        warnings=warnings,
    )


def on_ranks(monkeypatch, number):
    monkeypatch.setattr('aurora_mm.engine.hooks.reproducible_epoch_hook.get_world_size', lambda: number)


def test_accumulation_on_several_ranks_needs_a_wrapper_that_can(runner, monkeypatch):
    on_ranks(monkeypatch, 2)
    with pytest.raises(ConfigError, match=r"Wrapper does not .* several ranks.*\.type='AccumulatingOptimWrapper'"):
        ReproducibleEpochHook().before_train(runner)


def test_an_epoch_that_ends_within_an_accumulation_needs_a_wrapper_that_keeps_the_gradients(runner):
    runner.epoch = runner.iter = 0
    ReproducibleEpochHook().before_train(runner)  # 12 steps, an update every 4
    runner.optim_wrapper._accumulative_counts = 5
    with pytest.raises(ConfigError, match=r'Wrapper does not keep .* an epoch of 12 steps ends within one of 5'):
        ReproducibleEpochHook().before_train(runner)


def load(runner, **meta):
    runner._resume = True
    ReproducibleEpochHook().after_load_checkpoint(runner, dict(meta=dict(iter=18, **meta)))


def test_another_number_of_ranks_warns_where_the_sampler_is_not_ours(runner, monkeypatch):
    on_ranks(monkeypatch, 4)
    load(runner, ranks=4)
    assert runner.warnings == []
    on_ranks(monkeypatch, 2)
    load(runner, ranks=4)
    (warning,) = runner.warnings
    assert 'a run on 4 ranks and goes on with 2: an epoch has 12 steps' in warning
    assert 'sees 0.5 times as many images' in warning


def test_a_checkpoint_that_is_refused_is_not_said_to_go_on(runner, monkeypatch):
    on_ranks(monkeypatch, 2)
    runner.train_loop = SimpleNamespace()
    with pytest.raises(ConfigError, match='from within an epoch'):
        load(runner, ranks=4, within_epoch=True)
    assert runner.warnings == []


def test_a_checkpoint_from_within_an_epoch_that_does_not_say_where_is_refused(runner):
    hook, runner.epoch, runner.iter, runner.seed = ReproducibleEpochHook(), 1, 12, 0
    runner.optim_wrapper._accumulative_counts = 1
    runner.train_loop = EpochBasedTrainLoop.__new__(EpochBasedTrainLoop)
    hook.before_train(runner)
    hook.before_train_epoch(runner)
    runner.iter = 17
    hook.after_train_iter(runner, 5)
    within = dict(meta={})
    hook.before_save_checkpoint(runner, within)
    steps = len(runner.train_dataloader)
    assert within['meta'] == dict(epoch=1, iter=18, within_epoch=True, ranks=1, steps_of_epoch=steps)
    with pytest.raises(ConfigError, match='of step 18 is from within an epoch'):
        load(runner, within_epoch=True)
    runner._resume = False
    hook.after_load_checkpoint(runner, within)
    runner.train_loop = SimpleNamespace(iter=24)
    hook.after_train_epoch(runner)
    ended = dict(meta={})
    hook.before_save_checkpoint(runner, ended)
    assert (ended['meta']['epoch'], ended['meta']['within_epoch']) == (2, False)
    load(runner, within_epoch=False)
