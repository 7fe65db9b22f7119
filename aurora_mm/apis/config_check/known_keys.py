"""The top-level keys of a config that have an effect."""

from __future__ import annotations

import inspect

from mmengine.runner import FlexibleRunner, Runner

from aurora_mm.config_variables import SETTERS

# Keys that MMEngine or aurora_mm read, in addition to the arguments of the runners.
_OTHER_KEYS = (
    'tasks',
    'tta_model',
    'tta_pipeline',
    'model_wrapper_cfg',
    'runner_type',
    'custom_imports',
    'compile',
    'activation_checkpointing',
    'efficient_conv_bn_eval',
    'sync_bn',
    'find_unused_parameters',
)


def known_keys() -> set[str]:
    """Return the top-level keys that a runner or aurora_mm reads. Any other key is a variable of the config file."""
    runners = (*inspect.signature(Runner.__init__).parameters, *inspect.signature(FlexibleRunner.__init__).parameters)
    return {*runners, *_OTHER_KEYS} - {'self', 'cfg'}


def effective_keys() -> set[str]:
    """Return the top-level keys that have an effect when they are set: those that are read, and variables with one."""
    return known_keys() | SETTERS.keys()
