import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.runner import EpochBasedTrainLoop

from aurora_mm.engine import ReproducibleEpochHook
from aurora_mm.engine.hooks import seed_worker
from aurora_mm.errors import ConfigError
from aurora_mm.registry import FUNCTIONS


def draws(seed, epoch):
    ReproducibleEpochHook().before_train_epoch(SimpleNamespace(seed=seed, epoch=epoch))
    return random.random(), np.random.rand(), torch.rand(()).item()


def test_an_epochs_random_state_follows_from_seed_and_number():
    assert draws(1, 2) == draws(1, 2)
    assert len({draws(1, 2), draws(1, 3), draws(2, 2)}) == 3


class Wrapper:
    _accumulative_counts = 4

    def __init__(self):
        self.calls = []

    def step(self):
        self.calls.append('step')

    def zero_grad(self):
        self.calls.append('zero_grad')


def after_epoch(iterations, epoch=0):
    wrapper = Wrapper()
    runner = SimpleNamespace(
        model=torch.nn.Identity(),
        optim_wrapper=wrapper,
        train_loop=SimpleNamespace(iter=iterations),
        epoch=epoch,
        max_epochs=2,
    )
    ReproducibleEpochHook().after_train_epoch(runner)
    return wrapper.calls


def test_pending_gradients_are_applied_at_an_epochs_end():
    assert after_epoch(10) == ['step', 'zero_grad']
    assert after_epoch(8) == []
    assert after_epoch(10, epoch=1) == []  # MMEngine does it at the end of training


def test_workers_draw_from_the_state_torch_gave_them():
    torch.manual_seed(5)
    seed_worker(0)
    first = random.random(), np.random.rand()
    seed_worker(0)
    assert (random.random(), np.random.rand()) == first
    assert FUNCTIONS.get('aurora_mm.seed_worker') is seed_worker


class ValidationRunner:
    """A runner resumed after some epochs, that counts its validations."""

    def __init__(self, epoch, val_interval=2, validated=0, max_epochs=5):
        self.seed = 0
        self.epoch, self.max_epochs = epoch, max_epochs
        self.train_loop = EpochBasedTrainLoop.__new__(EpochBasedTrainLoop)
        self.train_loop.val_interval, self.train_loop.val_begin = val_interval, 1
        self.message_hub = MessageHub(f'validation-{id(self)}')
        self.message_hub.update_info('validated_epoch', validated)
        self.logger = SimpleNamespace(info=lambda message: None)
        self.val_loop = self
        self.model = torch.nn.Identity()
        self.optim_wrapper = Wrapper()
        self.validations = 0

    def run(self):
        self.validations += 1


def validations(*, trains=True, **kwargs):
    runner, hook = ValidationRunner(**kwargs), ReproducibleEpochHook()
    hook.before_train(runner)
    if trains:
        hook.before_train_epoch(runner)
        hook.before_train_epoch(runner)
    hook.after_train(runner)
    return runner.validations


def test_a_resumed_run_makes_up_for_the_validation_after_its_checkpoint():
    assert validations(epoch=0) == 0  # a new run
    assert validations(epoch=2) == 1
    assert validations(epoch=3) == 0  # none was planned
    assert validations(epoch=2, validated=2) == 0  # the checkpoint of the best epoch is saved after validation
    assert validations(epoch=5, trains=False) == 1  # stopped in the last validation: nothing is left to train


def test_what_was_validated_is_noted():
    runner = ValidationRunner(epoch=4)
    ReproducibleEpochHook().before_val_epoch(runner)
    assert runner.message_hub.get_info('validated_epoch') == 4


def test_accumulation_on_several_ranks_needs_a_wrapper_that_can(monkeypatch):
    monkeypatch.setattr('aurora_mm.engine.hooks.reproducible_epoch_hook.get_world_size', lambda: 2)
    with pytest.raises(ConfigError, match=r"Wrapper cannot .*\.type='AccumulatingOptimWrapper'"):
        ReproducibleEpochHook().before_train(ValidationRunner(epoch=0))
