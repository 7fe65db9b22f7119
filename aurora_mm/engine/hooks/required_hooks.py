"""Check that a training has the hooks that its components need."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from aurora_mm.errors import ConfigError
from aurora_mm.models.utils.unwrap_model import unwrap_model


def require_hooks(runner: Runner) -> None:
    """Check the hooks that components of a training name in ``required_hooks``, a tuple of class names.

    These components are the batch sampler and its policy, the model, its balancer, the optimiser wrapper and the hooks.

    Args:
        runner: The runner, whose training data loader, model and optimiser wrapper are built.

    Raises:
        ConfigError: If one is missing. The message gives the component and the hook to add.
    """
    present = {base.__name__ for hook in runner.hooks for base in type(hook).__mro__}
    for part in _parts(runner):
        for name in getattr(part, 'required_hooks', ()):
            if name not in present:
                raise ConfigError(f'{type(part).__name__} needs {name}: {add_line(name)}')


def require_once(runner: Runner, hook: Hook) -> None:
    """Check that a hook occurs only once; it occurs twice if both lists of hooks in a config name it.

    Args:
        runner: The runner.
        hook: The hook.

    Raises:
        ConfigError: If it occurs more often. The message names the hook.
    """
    if sum(type(other) is type(hook) for other in runner.hooks) > 1:
        raise ConfigError(
            f'{type(hook).__name__} is there twice: it is one of default_hooks, so leave it out of custom_hooks'
        )


def add_line(name: str) -> str:
    """Return the text that adds a hook to a config.

    Args:
        name: Name of the hook's class, such as 'MultiTaskHook'.
    """
    key = re.sub(r'(?<=[a-z])(?=[A-Z])', '_', name.removesuffix('Hook')).lower()
    return f"add default_hooks=dict({key}=dict(type='{name}')) to the config"


def _parts(runner: Runner) -> Iterator[Any]:
    sampler = runner.train_dataloader.batch_sampler
    yield sampler
    yield getattr(sampler, 'policy', None)
    model = unwrap_model(runner.model)
    yield model
    yield getattr(model, 'balancer', None)
    yield runner.optim_wrapper
    yield from runner.hooks
