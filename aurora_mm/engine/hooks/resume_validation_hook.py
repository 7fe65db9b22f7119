"""A resumed run begins with the validation that its checkpoint was saved before."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner

from aurora_mm.engine.hooks.required_hooks import require_once
from aurora_mm.registry import HOOKS

# Where the message hub holds the last epoch that was validated.
VALIDATED_EPOCH = 'validated_epoch'


@HOOKS.register_module()
class ResumeValidationHook(Hook):
    """Makes up for the validation that a resumed run would otherwise miss.

    MMEngine saves an epoch's checkpoint before the epoch's validation. Sampling by scores, ``save_best``, early
    stopping and schedules by a metric go on from the outcome of that validation, so a resumed run needs it before its
    first epoch.
    """

    priority = 'LOWEST'  # every other hook must be ready for a validation

    def before_train(self, runner: Runner) -> None:
        """Validates if the epoch of the checkpoint was to be validated and was not."""
        require_once(runner, self)
        loop = runner.train_loop
        if not isinstance(loop, EpochBasedTrainLoop) or runner.val_loop is None:
            return
        planned = runner.epoch % loop.val_interval == 0 or runner.epoch == runner.max_epochs
        done = runner.message_hub.get_info(VALIDATED_EPOCH, 0)
        if planned and done < runner.epoch >= loop.val_begin:
            runner.logger.info(f'the checkpoint was saved before the validation of epoch {runner.epoch}: done now')
            runner.val_loop.run()

    def before_val_epoch(self, runner: Runner) -> None:
        """Notes for the checkpoint of the best epoch, which is saved after the validation, that it is done."""
        runner.message_hub.update_info(VALIDATED_EPOCH, runner.epoch)
