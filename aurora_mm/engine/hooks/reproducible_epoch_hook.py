"""Makes every epoch a function of the seed, its number and the checkpoint before it."""

from __future__ import annotations

import random

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner

from aurora_mm.registry import FUNCTIONS, HOOKS


@HOOKS.register_module()
class ReproducibleEpochHook(Hook):
    """Lets a resumed run end with the weights of an unbroken one.

    MMEngine's checkpoints hold no random state and no pending gradients. So every epoch starts from random states
    made of (seed, epoch, rank), and ends with the gradients of an unfinished accumulation applied.
    Use it with ``worker_init_fn=dict(type='aurora_mm.seed_worker')`` and without persistent workers: the workers of
    an epoch then draw their augmentations from its random state too.
    """

    def before_train_epoch(self, runner: Runner) -> None:
        """Seeds Python, NumPy and torch."""
        state = np.random.SeedSequence((runner.seed, runner.epoch, get_rank())).generate_state(3)
        random.seed(int(state[0]))
        np.random.seed(state[1])  # noqa: NPY002  the transforms draw from NumPy's global state, as mmcv's do
        torch.manual_seed(int(state[2]))

    def after_train_epoch(self, runner: Runner) -> None:
        """Applies what is left of an accumulation."""
        wrapper = runner.optim_wrapper
        if runner.train_loop.iter % wrapper._accumulative_counts and not _is_last_epoch(runner):
            wrapper.step()
            wrapper.zero_grad()


def _is_last_epoch(runner: Runner) -> bool:
    """At the end of training MMEngine itself applies what is left."""
    return runner.epoch + 1 == runner.max_epochs


@FUNCTIONS.register_module()
def seed_worker(worker_id: int) -> None:
    """Seeds Python and NumPy in a DataLoader's worker from the state that torch gave it for this epoch."""
    seed = torch.initial_seed() % 2**32
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
