"""Epochs that depend only on the seed, the number of the epoch and the checkpoint before it."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop as MMEngineEpochBasedTrainLoop
from mmengine.runner import Runner

from aurora_mm.datasets.samplers import TaskAwareBatchSampler
from aurora_mm.engine.epoch_based_train_loop import EpochBasedTrainLoop
from aurora_mm.engine.hooks.required_hooks import require_hooks, require_once
from aurora_mm.engine.hooks.running_mean import require_usable_mean
from aurora_mm.engine.optim import AccumulatingOptimWrapper
from aurora_mm.engine.random_state import random_state, restore_random_state, seed_generators
from aurora_mm.errors import ConfigError
from aurora_mm.models.utils.sharded_tensors import is_sharded
from aurora_mm.registry import FUNCTIONS, HOOKS

# Keys of the meta data of a checkpoint.
_RANKS = 'ranks'  # number of processes that wrote it
_DRAWN_FOR = 'drawn_for'  # that of TaskAwareBatchSampler
_STEPS = 'steps_of_epoch'  # with the data and the batch size of the run
_POSITION = 'position'  # steps of the unfinished epoch, and the random states of all ranks


@HOOKS.register_module()
class ReproducibleEpochHook(Hook):
    """Makes a resumed run end with the same weights as a run without interruption.

    MMEngine's checkpoints hold no random state and no gradients of an unfinished accumulation. So every epoch starts
    from random states derived from (seed, epoch, rank). If epochs end within an accumulation, the optimiser wrapper
    must keep the gradients, see :class:`aurora_mm.engine.AccumulatingOptimWrapper`.
    Augmentations are seeded by :class:`aurora_mm.datasets.samplers.TaskAwareBatchSampler`. With another sampler, set
    ``worker_init_fn=dict(type='aurora_mm.seed_worker')`` and use no persistent workers, so that the workers of an epoch
    are seeded by its random state.

    A checkpoint of :class:`aurora_mm.engine.PreemptionHook` from within an epoch has the number of its finished steps
    and the random states of all ranks, and the run goes on after that step. Other checkpoints from within an epoch
    cannot be resumed, because they do not say which batches of the epoch are left.

    A run that is resumed on another number of ranks gets the same images in the same steps, see
    :meth:`aurora_mm.datasets.samplers.TaskAwareBatchSampler.keep_batches`; each rank then takes more or fewer of them.
    It ends like the unbroken run but for rounding and random numbers of the model (dropout). This holds unless
    ``train_dataloader.batch_size`` is changed to another number of images a step, or another sampler is used: then the
    batches are others than before, and a warning says so.

    The epoch in a checkpoint is the number of finished epochs. MMEngine's FlexibleRunner would count one more if
    CheckpointHook saves after a validation, and a run resumed from that checkpoint would skip an epoch.
    """

    priority = 'ABOVE_NORMAL'
    required_hooks = ('ResumeValidationHook',)

    def __init__(self) -> None:
        self._done: dict[str, int] = {}  # finished epochs and iterations
        self._within_epoch = False
        self._position: dict[str, Any] | None = None  # for the next checkpoint
        self._resumed_states: list[dict[str, Any]] = []  # of all ranks, until the first step is made

    def before_train(self, runner: Runner) -> None:
        """Check that epochs can end within an accumulation, and the hooks of the run.

        Raises:
            ConfigError: If gradients cannot be accumulated as the config says, a hook that is needed is missing, or
                EMAHook cannot work.
        """
        require_once(runner, self)
        require_hooks(runner)
        require_usable_mean(runner)
        _check_accumulation(runner)
        self._done = dict(epoch=runner.epoch, iter=runner.iter)

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed Python, NumPy and torch."""
        self._within_epoch = isinstance(runner.train_loop, MMEngineEpochBasedTrainLoop)
        seed_generators(runner.seed, runner.epoch, get_rank())

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Restore the random states of a run that goes on within an epoch."""
        if not self._resumed_states:
            return
        states, self._resumed_states = self._resumed_states, []
        if len(states) == get_world_size():
            restore_random_state(states[get_rank()])
        else:
            seed_generators(runner.seed, runner.epoch, get_rank(), batch_idx)

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Count the iteration; MMEngine counts it after all hooks."""
        self._done['iter'] = runner.iter + 1

    def before_stop_within_epoch(self, runner: Runner, steps: int) -> None:
        """Collect the random states of all ranks for the next checkpoint.

        Args:
            runner: The runner.
            steps: Number of finished steps of this epoch.
        """
        self._position = dict(steps=steps, random_states=all_gather_object(random_state()))

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Store the numbers of finished epochs and iterations, and how images are shared among the ranks."""
        meta = checkpoint['meta']
        meta.update(self._done, within_epoch=self._within_epoch)
        meta[_RANKS] = get_world_size()
        if isinstance(runner.train_loop, MMEngineEpochBasedTrainLoop):
            meta[_STEPS] = len(runner.train_dataloader)
        sampler = runner.train_dataloader.batch_sampler
        if isinstance(sampler, TaskAwareBatchSampler):
            meta[_DRAWN_FOR] = list(sampler.drawn_for)
        if self._position is not None:
            meta[_POSITION], self._position = self._position, None

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Prepare the run to go on where the checkpoint was saved, with the number of ranks of now.

        Raises:
            ConfigError: If the checkpoint is from within an epoch and this run cannot go on there.
        """
        if not runner._resume:
            return
        meta = checkpoint['meta']
        difference = _keep_batches(runner, meta)
        if not meta.get('within_epoch'):
            if difference:
                runner.logger.warning(difference)
            return
        loop, position = runner.train_loop, meta.get(_POSITION)
        can = isinstance(loop, EpochBasedTrainLoop) and loop.can_begin_within_epoch and not difference
        if position is None or not can:
            change = '' if position is None else ' with another batch size, loop or batch sampler'
            raise ConfigError(
                f'the checkpoint of step {meta["iter"]} is from within an epoch and cannot be resumed{change}: take '
                'one from the end of an epoch, or train from its weights (--load-from)'
            )
        loop.begun, self._resumed_states = position['steps'], list(position['random_states'])

    def after_train_epoch(self, runner: Runner) -> None:
        """Count the epoch, and average the gradients of an unfinished accumulation over the ranks."""
        self._done['epoch'] = runner.epoch + 1
        self._within_epoch = False
        wrapper = runner.optim_wrapper
        if isinstance(wrapper, AccumulatingOptimWrapper) and runner.train_loop.iter % wrapper._accumulative_counts:
            wrapper.average_pending()


def _keep_batches(runner: Runner, meta: dict[str, Any]) -> str:
    """Let the sampler draw the batches that the run before drew, if the config still asks for as many images a step.

    Returns:
        What differs if the batches do not stay the same, else ''.
    """
    ranks, before = get_world_size(), meta.get(_RANKS, get_world_size())
    sampler, drawn_for = runner.train_dataloader.batch_sampler, meta.get(_DRAWN_FOR)
    if isinstance(sampler, TaskAwareBatchSampler) and drawn_for is not None:
        if sampler.batch_size == drawn_for[1] or sampler.batch_size * ranks == drawn_for[0] * drawn_for[1]:
            sampler.keep_batches(*drawn_for)
            loop = runner.train_loop
            if isinstance(loop, MMEngineEpochBasedTrainLoop):
                loop._max_iters = loop.max_epochs * len(loop.dataloader)
            if before != ranks:
                images = math.prod(drawn_for)
                runner.logger.info(
                    f'the run was on {before} ranks and goes on with {ranks}: each takes {images // ranks} of the '
                    f'{images} images of a step, which stay the same'
                )
            return ''
        return (
            f'the checkpoint is of a run with {drawn_for[0]} x {drawn_for[1]} images a step and goes on with {ranks} x '
            f'{sampler.batch_size}: an epoch has {len(sampler)} steps of other batches from here on, and the run will '
            'not end as an unbroken one would'
        )
    if before != ranks:
        return (
            f'the checkpoint is of a run on {before} ranks and goes on with {ranks}: an epoch has '
            f'{len(runner.train_dataloader)} steps of other batches from here on, an update sees {ranks / before:g} '
            'times as many images, and the run will not end as an unbroken one would'
        )
    if meta.get(_STEPS, len(runner.train_dataloader)) != len(runner.train_dataloader):
        return (
            f'the checkpoint is of a run with {meta[_STEPS]} steps an epoch and goes on with '
            f'{len(runner.train_dataloader)}: the images or the batch size are others. The learning rates stay those '
            'of that run, and the run will not end as an unbroken one would'
        )
    return ''


def _check_accumulation(runner: Runner) -> None:
    count, steps = runner.optim_wrapper._accumulative_counts, len(runner.train_dataloader)
    if count == 1:
        return
    name = type(runner.optim_wrapper).__name__
    if is_sharded(runner.model):
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
