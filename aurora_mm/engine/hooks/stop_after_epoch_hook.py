"""Stops a run before its schedule ends."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner

from aurora_mm.registry import HOOKS


@HOOKS.register_module()
class StopAfterEpochHook(Hook):
    """Ends training after an epoch, counted from 1, and leaves the schedule as it is: the run can be resumed.

    Args:
        epoch: The last to train.
    """

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def before_train(self, runner: Runner) -> None:
        """Stops a run that was resumed after its last epoch."""
        runner.train_loop.stop_training = runner.epoch >= self.epoch

    def after_train_epoch(self, runner: Runner) -> None:
        """Stops after the last epoch."""
        if runner.epoch + 1 >= self.epoch:
            runner.train_loop.stop_training = True
