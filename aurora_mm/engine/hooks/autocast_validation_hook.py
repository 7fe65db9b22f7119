"""Validation in the precision of the training."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from aurora_mm.engine.hooks.required_hooks import require_once
from aurora_mm.engine.optim.autocast_optim_wrapper import AutocastOptimWrapper
from aurora_mm.models.multi_task_model import MultiTaskModel
from aurora_mm.models.utils.unwrap_model import unwrap_model
from aurora_mm.registry import HOOKS


@HOOKS.register_module()
class AutocastValidationHook(Hook):
    """Computes the encoder's maps in bfloat16 in a validation between epochs, where the training does so too.

    A GPU does many times fewer operations a second in fp32: an H100 67 to 989 in bfloat16, in 10^12, by its data sheet.
    Heads and codecs stay in fp32, where rounding would move boxes and points. A run without
    :class:`AutocastOptimWrapper`, or whose wrapper is off on a CPU, validates in fp32; so does a test, which has
    ``--amp`` for it.
    """

    def before_train(self, runner: Runner) -> None:
        """Check that the hook is there once."""
        require_once(runner, self)

    def before_val_epoch(self, runner: Runner) -> None:
        """Set the dtype of the maps."""
        model, wrapper = unwrap_model(runner.model), runner.optim_wrapper
        if isinstance(model, MultiTaskModel) and isinstance(wrapper, AutocastOptimWrapper) and wrapper.enabled:
            model.encoder_dtype = wrapper.dtype

    def after_val_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        """Give predictions after the validation the dtype of the weights again."""
        model = unwrap_model(runner.model)
        if isinstance(model, MultiTaskModel):
            model.encoder_dtype = None
