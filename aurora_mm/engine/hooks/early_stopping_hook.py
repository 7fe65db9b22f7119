"""Early stopping that a resumed run goes on with."""

from __future__ import annotations

from mmengine.hooks import EarlyStoppingHook as MMEngineEarlyStoppingHook
from mmengine.runner import Runner

from aurora_mm.registry import HOOKS


@HOOKS.register_module()
class EarlyStoppingHook(MMEngineEarlyStoppingHook):
    """MMEngine's, whose count of validations without gain is kept in the checkpoint.

    A resumed run therefore stops after the same epoch as an unbroken one.

    Args:
        kwargs: See :class:`mmengine.hooks.EarlyStoppingHook`: ``monitor``, ``rule``, ``patience``, ``min_delta`` (0.1
            by default), ...
    """

    priority = 'LOW'  # before CheckpointHook, so that the checkpoint of the best epoch knows of its own validation
    required_hooks = ('ResumeValidationHook',)

    def before_train(self, runner: Runner) -> None:
        """Takes up the count of the checkpoint if the run is resumed; where that ended the patience, stops at once."""
        state = runner.message_hub.get_info(self._key, None)
        if state is not None:
            self.wait_count, self.best_score = state['wait_count'], state['best_score']
        if self.wait_count >= self.patience:
            runner.logger.info(
                f'{self.monitor} had not improved in {self.wait_count} validations when the checkpoint was saved: a '
                f'longer patience than {self.patience} would let the run go on'
            )
            runner.train_loop.stop_training = True

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Decides as MMEngine's does, and keeps the count for the next checkpoint."""
        super().after_val_epoch(runner, metrics or {})
        state = dict(wait_count=self.wait_count, best_score=self.best_score)
        runner.message_hub.update_info(self._key, state)

    @property
    def _key(self) -> str:
        return f'early_stopping/{self.monitor}'
