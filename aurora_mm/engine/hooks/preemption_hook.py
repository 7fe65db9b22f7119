"""Stopping of a training on request of a scheduler, so that it can go on later."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner

from aurora_mm.engine.epoch_based_train_loop import EpochBasedTrainLoop
from aurora_mm.engine.hooks.checkpoint_hook import CheckpointHook
from aurora_mm.engine.hooks.reproducible_epoch_hook import ReproducibleEpochHook
from aurora_mm.engine.hooks.required_hooks import require_once
from aurora_mm.engine.stop_signals import RankAgreement, StopSignals, kill_workers_at_exit
from aurora_mm.errors import PreemptedError
from aurora_mm.registry import HOOKS


@HOOKS.register_module()
class PreemptionHook(Hook):
    """Saves a training and ends it when a scheduler asks the process to stop.

    Slurm (``--signal``), Kubernetes and spot instances send a signal some time before they kill a process. The training
    then finishes its step, writes a checkpoint of all of its state, and raises
    :class:`aurora_mm.errors.PreemptedError`, with which ``aurora-mm train`` exits with status 75. ``aurora-mm train
    --resume`` goes on after that step and ends like a run that was never stopped, bit for bit.

    On several ranks one signal, to any rank, is enough: all ranks stop after the same step, one step after the signal.
    With accumulated gradients they stop after the next update of the weights, because the gradients of each rank are
    not in a checkpoint.

    A signal in a validation stops it at once if its epoch has a checkpoint and there is one process; otherwise the
    training stops after the first step that follows.

    A step costs nothing more on the device, and the host does not wait for it. Workers of the training data loader
    ignore the signals, which Slurm sends to all processes.

    The hook does nothing, and says so in the log, if the loop is not :class:`aurora_mm.engine.EpochBasedTrainLoop` with
    a :class:`aurora_mm.datasets.samplers.TaskAwareBatchSampler`, or if :class:`CheckpointHook` or
    :class:`ReproducibleEpochHook` is missing.

    Args:
        signals: Names of the signals.
    """

    priority = 'LOWEST'  # after all hooks that change the state of the run in a step

    def __init__(self, signals: Sequence[str] = ('SIGTERM', 'SIGUSR1', 'SIGUSR2')) -> None:
        self._signals = StopSignals(signals)
        self._active = self._stopping = False

    def before_train(self, runner: Runner) -> None:
        """Begin to listen for the signals."""
        require_once(runner, self)
        self._signals.received, self._stopping = None, False
        loop = runner.train_loop
        saving = [hook for hook in runner.hooks if isinstance(hook, CheckpointHook) and hook.by_epoch]
        exact = any(isinstance(hook, ReproducibleEpochHook) for hook in runner.hooks)
        resumable = isinstance(loop, EpochBasedTrainLoop) and loop.can_begin_within_epoch
        if not (saving and exact and resumable):
            runner.logger.info('PreemptionHook: this run cannot go on within an epoch, so it does not wait for signals')
            return
        self._active, self._checkpoints = True, saving[0]
        self._agreement = RankAgreement()
        loader = runner.train_dataloader
        loader.worker_init_fn = functools.partial(_start_worker, self._signals, loader.worker_init_fn)
        kill_workers_at_exit()
        self._signals.watch()

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Save and stop if that was asked for and this step allows it."""
        if not self._active:
            return
        self._stopping |= self._agreement.ask(self._signals.received is not None)
        if not self._stopping or self.end_of_epoch(runner.train_dataloader, batch_idx):
            return
        if get_world_size() > 1 and not runner.optim_wrapper.should_update():
            return
        runner.call_hook('before_stop_within_epoch', steps=batch_idx + 1)
        self._checkpoints.save_within_epoch(runner)
        self._stop(runner, runner.iter + 1)

    def after_train_epoch(self, runner: Runner) -> None:
        """Stop if that was asked for, with the checkpoint of the epoch."""
        if self._active and (self._agreement.answer() or self._stopping):
            self._checkpoints.save_epoch(runner)
            self._stop(runner, runner.iter)

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Stop a validation; a run that goes on from the checkpoint repeats it."""
        if self._active and self._signals.received and get_world_size() == 1 and self._checkpoints.is_saved(runner):
            self._stop(runner, runner.iter)

    def after_loop(self, runner: Runner) -> None:
        """Stop listening."""
        if self._active:
            self._active = False
            self._signals.release()
            self._agreement.close()

    def _stop(self, runner: Runner, steps: int) -> None:
        self._agreement.wait_for_all()  # a launcher kills the other processes when the first one ends
        runner.visualizer.close()
        raise PreemptedError(
            f'stopped by {self._signals.received or "another process"} after step {steps}; add --resume to go on from '
            f'{self._checkpoints.last_ckpt}'
        )


def _start_worker(signals: StopSignals, init: Callable[[int], Any] | None, worker_id: int) -> None:
    signals.ignore()
    if init is not None:
        init(worker_id)
