"""Checks of MMEngine's EMAHook, which keeps a running mean of the weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.hooks import EMAHook
from mmengine.runner import Runner

from aurora_mm.errors import ConfigError, WeightsError


def require_usable_mean(runner: Runner) -> None:
    """Check that the EMAHook of a training can work, if there is one.

    Args:
        runner: The runner, before its first step.

    Raises:
        ConfigError: If there are several, of which a checkpoint would hold one; if the hook begins when the training
            has ended, or averages at an interval below 1.
    """
    hooks = _hooks(runner)
    if len(hooks) > 1:
        raise ConfigError(
            f'EMAHook is there {len(hooks)} times, and a checkpoint holds one running mean: leave one in custom_hooks'
        )
    for hook in hooks:
        begin, last, unit = (
            (hook.begin_epoch, runner.max_epochs, 'epoch')
            if hook.enabled_by_epoch
            else (hook.begin_iter, runner.max_iters, 'iter')
        )
        if begin > last:
            raise ConfigError(f'EMAHook has begin_{unit}={begin}, and the training ends with {unit} {last}')
        if hook.ema_model.interval < 1:
            raise ConfigError(f'interval of EMAHook must be 1 or more, not {hook.ema_model.interval}')


def require_same_use_of_mean(runner: Runner, checkpoint: Mapping[str, Any]) -> None:
    """Check that a run is not resumed from weights that are a running mean as if they were those of its last step.

    Args:
        runner: The runner that resumes.
        checkpoint: Content of the checkpoint. With EMAHook, its ``state_dict`` is the running mean, and its
            ``ema_state_dict`` holds the weights of the last step.

    Raises:
        WeightsError: If the checkpoint was written with EMAHook, and the runner has none.
    """
    if 'ema_state_dict' in checkpoint and not _hooks(runner):
        raise WeightsError(
            'the checkpoint cannot be resumed with this config: it was trained with EMAHook, so that its weights are a '
            'running mean and not those of its last step. Add the hook to custom_hooks, or begin a new training with '
            'the mean (--load-from)'
        )


def _hooks(runner: Runner) -> list[EMAHook]:
    return [hook for hook in runner.hooks if isinstance(hook, EMAHook)]
