"""MMEngine's ParamSchedulerHook with a check of what the schedulers make."""

from __future__ import annotations

import math
from typing import Any

from mmengine.hooks import ParamSchedulerHook as MMEngineParamSchedulerHook
from mmengine.runner import Runner

from aurora_mm.engine.schedule_length import schedulers_by_optimizer
from aurora_mm.errors import ConfigError
from aurora_mm.registry import HOOKS


@HOOKS.register_module()
class ParamSchedulerHook(MMEngineParamSchedulerHook):
    """Steps the schedulers, and ends a training whose learning rate or momentum they make impossible.

    With a rate below 0 an optimiser of torch climbs the loss, and with one that is nan it writes nan into all weights.
    """

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Check the values that the schedulers have set for this step.

        Raises:
            ConfigError: If one is negative or not finite. The message names the schedulers.
        """
        for schedulers in schedulers_by_optimizer(runner.param_schedulers):
            for name in dict.fromkeys(each.param_name for each in schedulers):
                values = [group.get(name) for each in schedulers[:1] for group in each.optimizer.param_groups]
                wrong = [v for v in values if isinstance(v, int | float) and not 0 <= v < math.inf]
                if wrong:
                    names = ', '.join(type(each).__name__ for each in schedulers if each.param_name == name)
                    raise ConfigError(
                        f'{names} of param_scheduler made {name} {wrong[0]:.3g} for step {batch_idx + 1} of epoch '
                        f'{runner.epoch + 1}: it must be 0 or more, and finite'
                    )

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Step the schedulers that read a score.

        Raises:
            ConfigError: If one names a score that the validation does not give.
        """
        if metrics is None:  # MMEngine steps none then
            return
        for schedulers in schedulers_by_optimizer(runner.param_schedulers):
            for each in schedulers:
                monitor = getattr(each, 'monitor', None)
                if getattr(each, 'need_val_args', False) and monitor not in metrics:
                    raise ConfigError(
                        f'monitor of {type(each).__name__} names {monitor}, and the validation gives '
                        f'{", ".join(metrics) or "no score"}'
                    )
        super().after_val_epoch(runner, metrics)
