import random
from types import SimpleNamespace

import numpy as np
import torch

from aurora_mm.engine import ReproducibleEpochHook
from aurora_mm.engine.hooks import seed_worker
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
        optim_wrapper=wrapper, train_loop=SimpleNamespace(iter=iterations), epoch=epoch, max_epochs=2
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
