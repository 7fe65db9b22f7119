"""Early stopping that a resumed run continues."""

from __future__ import annotations

from mmengine.hooks import EarlyStoppingHook as MMEngineEarlyStoppingHook
from mmengine.runner import Runner

from aurora_mm.console import show
from aurora_mm.registry import HOOKS


@HOOKS.register_module()
class EarlyStoppingHook(MMEngineEarlyStoppingHook):
    """MMEngine's EarlyStoppingHook, which also keeps its state in checkpoints.

    A resumed run therefore stops after the same epoch as a run without interruption.

    Args:
        kwargs: See :class:`mmengine.hooks.EarlyStoppingHook`: ``monitor``, ``rule``, ``patience``, ``min_delta`` (0.1
            by default), ...
    """

    priority = 'LOW'  # before CheckpointHook, so that the best checkpoint includes the count of its own validation
    required_hooks = ('ResumeValidationHook',)

    def before_train(self, runner: Runner) -> None:
        """Restore the state of a resumed run; a run that had already stopped stops at once."""
        state = runner.message_hub.get_info(self._key, None)
        if state is not None:
            self.wait_count, self.best_score = state['wait_count'], state['best_score']
        if self.wait_count >= self.patience:
            show(
                runner.logger,
                f'{self.monitor} had not improved in {self.wait_count} validations when the checkpoint was saved: a '
                f'longer patience than {self.patience} would let the run go on',
            )
            runner.train_loop.stop_training = True

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Decide as MMEngine's hook does, and keep the state for the next checkpoint."""
        super().after_val_epoch(runner, metrics or {})
        state = dict(wait_count=self.wait_count, best_score=self.best_score)
        runner.message_hub.update_info(self._key, state)

    @property
    def _key(self) -> str:
        return f'early_stopping/{self.monitor}'
