"""Training that starts from the weights of another model."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.models import starting_state
from aurora_mm.models.utils.starting_weights import require_finite
from aurora_mm.models.utils.unwrap_model import unwrap_model
from aurora_mm.registry import HOOKS


@HOOKS.register_module()
class StartFromHook(Hook):
    """Converts the weights of ``load_from`` to those of the model, and refuses to train without them.

    MMEngine loads the weights that fit by name and warns about the rest. Here all of them must fit, and one head of a
    task type becomes a head for each of its tasks if the model has those, see :func:`aurora_mm.models.starting_state`.
    Averaged weights (``EMAHook``) are used as they were validated. The optimiser and the counters of the other run are
    not used. The hook does nothing for a resumed run.
    """

    priority = 'VERY_HIGH'  # before EMAHook copies the weights

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Replace the weights in the checkpoint by the converted ones.

        Raises:
            WeightsError: If a tensor is missing, not used or has another shape, or a weight is not finite.
        """
        if runner._resume:
            return
        require_finite(runner._load_from, checkpoint['state_dict'])
        model = unwrap_model(runner.model)
        try:
            checkpoint['state_dict'] = starting_state(model, checkpoint['state_dict'])
        except WeightsError as error:
            raise WeightsError(f'{runner._load_from}: {error}') from error

    def before_train(self, runner: Runner) -> None:
        """Check that weights were loaded.

        Raises:
            ConfigError: If there was no checkpoint to start from or to resume from.
        """
        if not runner._has_loaded:
            raise ConfigError(
                'this config starts from the weights of a trained model: give its checkpoint as --load-from'
            )
