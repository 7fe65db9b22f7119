"""The validation that a resumed run has to do first."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner

from aurora_mm.console import show
from aurora_mm.engine.hooks.required_hooks import require_once
from aurora_mm.registry import HOOKS

# Key of the last validated epoch in the message hub. MMEngine logs keys that begin with 'val' as scores.
VALIDATED_EPOCH = 'last_validated_epoch'


@HOOKS.register_module()
class ResumeValidationHook(Hook):
    """Runs the validation that a resumed run would otherwise skip.

    MMEngine saves the checkpoint of an epoch before its validation. Sampling by scores, ``save_best``, early stopping
    and schedules by a metric need the result of that validation, so a resumed run validates before its first epoch.
    """

    priority = 'LOWEST'  # every other hook must be ready for a validation

    def before_train(self, runner: Runner) -> None:
        """Validate if the epoch of the checkpoint should have been validated and was not."""
        require_once(runner, self)
        loop = runner.train_loop
        if not isinstance(loop, EpochBasedTrainLoop) or runner.val_loop is None:
            return
        planned = runner.epoch % loop.val_interval == 0 or runner.epoch == runner.max_epochs
        done = runner.message_hub.get_info(VALIDATED_EPOCH, 0)
        if planned and done < runner.epoch >= loop.val_begin:
            show(runner.logger, f'the checkpoint was saved before the validation of epoch {runner.epoch}: done now')
            runner.val_loop.run()

    def before_val_epoch(self, runner: Runner) -> None:
        """Store that the epoch is validated, for the best checkpoint, which is saved after the validation."""
        runner.message_hub.update_info(VALIDATED_EPOCH, runner.epoch)
