"""A training loop that can begin within an epoch."""

from __future__ import annotations

from typing import Any

from mmengine.runner import EpochBasedTrainLoop as MMEngineEpochBasedTrainLoop
from torch import nn

from aurora_mm.datasets.samplers import TaskAwareBatchSampler
from aurora_mm.engine.same_data import require_same_data
from aurora_mm.engine.schedule_length import require_learning, tell_cut_schedulers, tell_overlaps
from aurora_mm.engine.unused_keys import tell_unused_keys
from aurora_mm.errors import ConfigError
from aurora_mm.registry import LOOPS


@LOOPS.register_module()
class EpochBasedTrainLoop(MMEngineEpochBasedTrainLoop):
    """MMEngine's EpochBasedTrainLoop, which can also go on after any step of an epoch.

    Hooks and logs get the number of a batch in its whole epoch, so a run that goes on within an epoch validates, logs
    and saves at the same steps as an unbroken one.

    At the end, also after an error, hooks with a method ``after_loop`` are called.

    Args:
        args: See MMEngine's loop.
        kwargs: See MMEngine's loop.

    Attributes:
        begun (int): Number of steps of the next epoch that were done before, in an interrupted run. They are skipped.
            0 unless a hook sets it.

    Raises:
        ConfigError: If ``max_epochs`` is below 1.
    """

    begun = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.max_epochs < 1:
            raise ConfigError(f'train_cfg.max_epochs must be at least 1, not {self.max_epochs}')

    @property
    def can_begin_within_epoch(self) -> bool:
        """Whether the batch sampler can skip the first batches of an epoch."""
        return isinstance(self.dataloader.batch_sampler, TaskAwareBatchSampler)

    def run(self) -> nn.Module:
        """Train, see MMEngine's loop.

        Raises:
            ConfigError: If the learning rate is 0 or ends long before the training does, see :func:`require_learning`.
            DataError: If the processes of the run read different data, see :func:`require_same_data`.
        """
        require_same_data(self.runner)
        require_learning(self.runner)
        tell_cut_schedulers(self.runner)
        tell_overlaps(self.runner)
        tell_unused_keys(self.runner)
        try:
            return super().run()
        finally:
            self.runner.call_hook('after_loop')

    def run_epoch(self) -> None:
        """Train an epoch, or what is left of it."""
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        begun, self.begun = self.begun, 0
        if begun:
            self.dataloader.batch_sampler.skip = begun
        for idx, data_batch in enumerate(self.dataloader, start=begun):
            self.run_iter(idx, data_batch)
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1
