"""Epochs that depend only on the seed, the number of the epoch and the checkpoint before it."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch.distributed.fsdp import FullyShardedDataParallel

from aurora_mm.engine.hooks.required_hooks import require_hooks, require_once
from aurora_mm.engine.optim import AccumulatingOptimWrapper
from aurora_mm.errors import ConfigError
from aurora_mm.registry import FUNCTIONS, HOOKS

# Key of the number of processes of the run in the message hub.
_WORLD_SIZE = 'world_size'


@HOOKS.register_module()
class ReproducibleEpochHook(Hook):
    """Makes a resumed run end with the same weights as a run without interruption.

    MMEngine's checkpoints hold no random state and no gradients of an unfinished accumulation. So every epoch starts
    from random states derived from (seed, epoch, rank). If epochs end within an accumulation, the optimiser wrapper
    must keep the gradients, see :class:`aurora_mm.engine.AccumulatingOptimWrapper`.
    Augmentations are seeded by :class:`aurora_mm.datasets.samplers.TaskAwareBatchSampler`. With another sampler, set
    ``worker_init_fn=dict(type='aurora_mm.seed_worker')`` and use no persistent workers, so that the workers of an epoch
    are seeded by its random state.

    A checkpoint from within an epoch cannot be resumed, because it does not say which batches of the epoch are left. A
    run that is resumed on another number of ranks gets other batches; a warning says so.

    The epoch in a checkpoint is the number of finished epochs. MMEngine's FlexibleRunner would count one more if
    CheckpointHook saves after a validation, and a run resumed from that checkpoint would skip an epoch.
    """

    priority = 'ABOVE_NORMAL'
    required_hooks = ('ResumeValidationHook',)

    def __init__(self) -> None:
        self._done: dict[str, int] = {}  # finished epochs and iterations
        self._within_epoch = False

    def before_train(self, runner: Runner) -> None:
        """Check that epochs can end within an accumulation, and compare the number of ranks with the checkpoint.

        Raises:
            ConfigError: If gradients cannot be accumulated as the config says, or a hook that is needed is missing.
        """
        require_once(runner, self)
        require_hooks(runner)
        _check_accumulation(runner)
        ranks, before = get_world_size(), runner.message_hub.get_info(_WORLD_SIZE, None)
        if before not in (None, ranks):
            runner.logger.warning(
                f'the checkpoint is of a run on {before} ranks and goes on with {ranks}: an epoch has '
                f'{len(runner.train_dataloader)} steps of other batches from here on, an update sees '
                f'{ranks / before:g} times as many images, and the run will not end as an unbroken one would'
            )
        runner.message_hub.update_info(_WORLD_SIZE, ranks)
        self._done = dict(epoch=runner.epoch, iter=runner.iter)

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed Python, NumPy and torch."""
        self._within_epoch = isinstance(runner.train_loop, EpochBasedTrainLoop)
        state = np.random.SeedSequence((runner.seed, runner.epoch, get_rank())).generate_state(3)
        random.seed(int(state[0]))
        np.random.seed(state[1])  # noqa: NPY002  the transforms use NumPy's global state, as those of mmcv do
        torch.manual_seed(int(state[2]))

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Count the iteration; MMEngine counts it after all hooks."""
        self._done['iter'] = runner.iter + 1

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Store the numbers of finished epochs and iterations."""
        checkpoint['meta'].update(self._done, within_epoch=self._within_epoch)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Check that a resumed checkpoint is from the end of an epoch.

        Raises:
            ConfigError: If it is from within an epoch.
        """
        if runner._resume and checkpoint['meta'].get('within_epoch'):
            raise ConfigError(
                f'the checkpoint of step {checkpoint["meta"]["iter"]} is from within an epoch and cannot be resumed: '
                'take one from the end of an epoch, or train from its weights (--load-from)'
            )

    def after_train_epoch(self, runner: Runner) -> None:
        """Count the epoch, and average the gradients of an unfinished accumulation over the ranks."""
        self._done['epoch'] = runner.epoch + 1
        self._within_epoch = False
        wrapper = runner.optim_wrapper
        if isinstance(wrapper, AccumulatingOptimWrapper) and runner.train_loop.iter % wrapper._accumulative_counts:
            wrapper.average_pending()


def _check_accumulation(runner: Runner) -> None:
    count, steps = runner.optim_wrapper._accumulative_counts, len(runner.train_dataloader)
    if count == 1:
        return
    name = type(runner.optim_wrapper).__name__
    if isinstance(runner.model, FullyShardedDataParallel):
        raise ConfigError('FSDP does not keep the gradients of an accumulation: set accumulative_counts=1')
    if isinstance(runner.optim_wrapper, AccumulatingOptimWrapper):
        return
    instead = "set optim_wrapper.type='AccumulatingOptimWrapper', or accumulative_counts=1"
    if get_world_size() > 1:
        raise ConfigError(f'{name} does not accumulate gradients of different tasks on several ranks: {instead}')
    if steps % count:
        raise ConfigError(
            f'{name} does not keep the gradients of an accumulation, and an epoch of {steps} steps ends within one of '
            f'{count}: {instead}, or another number of steps (train_dataloader.batch_sampler.num_batches)'
        )


@FUNCTIONS.register_module()
def seed_worker(worker_id: int, _scope_: str = '') -> None:
    """Seed Python and NumPy in a worker of a DataLoader from the seed that torch gave it for this epoch.

    Args:
        worker_id: Not used.
        _scope_: Not used. MMEngine adds it to everything that a config inherits from ``aurora_mm::``, and passes it on.
    """
    seed = torch.initial_seed() % 2**32
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
