"""Refuses a training whose parts need hooks that it does not have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from aurora_mm.errors import ConfigError


def require_hooks(runner: Runner) -> None:
    """Checks the hooks that the parts of a training name in ``required_hooks``, a tuple of class names.

    The parts are the batch sampler and its policy, the model, its balancer, the optimiser's wrapper and the hooks.

    Args:
        runner: With its training data loader, model and optimiser's wrapper built.

    Raises:
        ConfigError: Naming the part and the hook to add.
    """
    present = {base.__name__ for hook in runner.hooks for base in type(hook).__mro__}
    for part in _parts(runner):
        for name in getattr(part, 'required_hooks', ()):
            if name not in present:
                raise ConfigError(f'{type(part).__name__} needs {name}: {add_line(name)}')


def require_once(runner: Runner, hook: Hook) -> None:
    """Checks that a hook is not there a second time, as it is when both lists of a config name it.

    Raises:
        ConfigError: Naming the hook.
    """
    if sum(type(other) is type(hook) for other in runner.hooks) > 1:
        raise ConfigError(
            f'{type(hook).__name__} is there twice: it is one of default_hooks, so leave it out of custom_hooks'
        )


def add_line(name: str) -> str:
    """What a user adds to a config to have a hook.

    Args:
        name: Of the hook's class, such as 'MultiTaskHook'.
    """
    key = re.sub(r'(?<=[a-z])(?=[A-Z])', '_', name.removesuffix('Hook')).lower()
    return f"add default_hooks=dict({key}=dict(type='{name}')) to the config"


def _parts(runner: Runner) -> Iterator[Any]:
    sampler = runner.train_dataloader.batch_sampler
    yield sampler
    yield getattr(sampler, 'policy', None)
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    yield model
    yield getattr(model, 'balancer', None)
    yield runner.optim_wrapper
    yield from runner.hooks
