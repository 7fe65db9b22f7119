"""Makes every epoch a function of the seed, its number and the checkpoint before it."""

from __future__ import annotations

import random

import numpy as np
import torch
from mmengine.dist import get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch.distributed.fsdp import FullyShardedDataParallel

from aurora_mm.engine.console import show
from aurora_mm.engine.optim import AccumulatingOptimWrapper
from aurora_mm.errors import ConfigError
from aurora_mm.registry import FUNCTIONS, HOOKS

# Where the message hub holds the last epoch that was validated.
VALIDATED_EPOCH = 'validated_epoch'


@HOOKS.register_module()
class ReproducibleEpochHook(Hook):
    """Lets a resumed run end with the weights of an unbroken one.

    MMEngine's checkpoints hold no random state and no pending gradients. So every epoch starts from random states
    made of (seed, epoch, rank), and ends with the gradients of an unfinished accumulation applied.
    Use it with ``worker_init_fn=dict(type='aurora_mm.seed_worker')`` and without persistent workers: the workers of
    an epoch then draw their augmentations from its random state too.

    MMEngine saves an epoch's checkpoint before the epoch's validation. A resumed run therefore begins with that
    validation: sampling by scores, ``save_best``, early stopping and schedules by a metric need its outcome.
    """

    priority = 'ABOVE_NORMAL'  # before the hooks that read the outcome when an epoch begins

    def __init__(self) -> None:
        self._validation_due = False

    def before_train(self, runner: Runner) -> None:
        """Finds out whether the validation between the checkpoint and this run's first epoch is missing.

        Raises:
            ConfigError: If gradients cannot be accumulated the way the config says.
        """
        if runner.optim_wrapper._accumulative_counts > 1:
            if isinstance(runner.model, FullyShardedDataParallel):
                raise ConfigError('FSDP cannot end an epoch within an accumulation: set accumulative_counts=1')
            if get_world_size() > 1 and not isinstance(runner.optim_wrapper, AccumulatingOptimWrapper):
                raise ConfigError(
                    f'{type(runner.optim_wrapper).__name__} cannot end an epoch within an accumulation on several '
                    "ranks: set optim_wrapper.type='AccumulatingOptimWrapper', or accumulative_counts=1"
                )
        loop = runner.train_loop
        if isinstance(loop, EpochBasedTrainLoop) and runner.val_loop is not None:
            planned = runner.epoch % loop.val_interval == 0 or runner.epoch == runner.max_epochs
            done = runner.message_hub.get_info(VALIDATED_EPOCH, 0)
            self._validation_due = planned and done < runner.epoch >= loop.val_begin

    def _make_up_validation(self, runner: Runner) -> None:
        if self._validation_due:
            self._validation_due = False
            show(runner.logger, f'the checkpoint was saved before the validation of epoch {runner.epoch}: done now')
            runner.val_loop.run()

    def before_val_epoch(self, runner: Runner) -> None:
        """Notes for the checkpoint of the best epoch, which is saved after validation, that it is done."""
        runner.message_hub.update_info(VALIDATED_EPOCH, runner.epoch)

    def before_train_epoch(self, runner: Runner) -> None:
        """Seeds Python, NumPy and torch."""
        self._make_up_validation(runner)
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

    def after_train(self, runner: Runner) -> None:
        """Of a run that was stopped in its very last validation, that is all that is left."""
        self._make_up_validation(runner)


def _is_last_epoch(runner: Runner) -> bool:
    """At the end of training MMEngine itself applies what is left."""
    return runner.epoch + 1 == runner.max_epochs


@FUNCTIONS.register_module()
def seed_worker(worker_id: int) -> None:
    """Seeds Python and NumPy in a DataLoader's worker from the state that torch gave it for this epoch."""
    seed = torch.initial_seed() % 2**32
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
