"""Stopping of a run before the end of its schedule."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner

from aurora_mm.registry import HOOKS


@HOOKS.register_module()
class StopAfterEpochHook(Hook):
    """Stops training after an epoch without changing the schedule, so that the run can be resumed.

    Args:
        epoch: The last epoch to train, counted from 1.
    """

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def before_train(self, runner: Runner) -> None:
        """Stop a run that was resumed after its last epoch."""
        runner.train_loop.stop_training = runner.epoch >= self.epoch

    def after_train_epoch(self, runner: Runner) -> None:
        """Stop after the last epoch."""
        if runner.epoch + 1 >= self.epoch:
            runner.train_loop.stop_training = True
