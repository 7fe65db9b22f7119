"""A run that starts from the weights of another."""

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
    """Fits the weights of ``load_from`` to the model, every tensor of them, and refuses to train without.

    MMEngine loads what fits by name and warns of the rest. Here one head of a type becomes a head for each of its
    tasks where the model has those, see :func:`aurora_mm.models.starting_state`. Averaged weights (``EMAHook``) are
    taken as they were validated. Of the optimiser and the counts of the other run nothing is taken; a resumed run
    is left alone.
    """

    priority = 'VERY_HIGH'  # before EMAHook copies the weights

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Puts the fitted weights in the place of the checkpoint's.

        Raises:
            WeightsError: If a tensor is missing, left over or of another shape, or a weight is not finite.
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
        """Refuses to train what nothing was loaded into.

        Raises:
            ConfigError: If there was no checkpoint to start from or to resume.
        """
        if not runner._has_loaded:
            raise ConfigError(
                'this config starts from the weights of a trained model: give its checkpoint as --load-from'
            )
