"""Finds keys of `paramwise_cfg` that no parameter has in its name."""

from __future__ import annotations

import logging

from mmengine.logging import print_log
from mmengine.runner import Runner

from aurora_mm.models.utils.unwrap_model import unwrap_model


def tell_unused_keys(runner: Runner) -> None:
    """Warn of keys of ``optim_wrapper.paramwise_cfg.custom_keys`` that have no effect, such as a misspelt 'backbon'.

    MMEngine gives the learning rate and weight decay of a key to all parameters with the key in their names. A config
    for several models may have keys that one of them lacks, so this is no error.

    Args:
        runner: The runner, whose model is built.
    """
    wrapper = runner.cfg.get('optim_wrapper') or {}
    keys = ((wrapper.get('paramwise_cfg') or {}).get('custom_keys')) or {}
    names = [name for name, _ in unwrap_model(runner.model).named_parameters()]
    unused = [key for key in keys if not any(key in name for name in names)]
    if unused:
        parts = ', '.join(sorted({name.partition('.')[0] for name in names}))
        print_log(
            f'optim_wrapper.paramwise_cfg.custom_keys: no parameter has {", ".join(map(repr, unused))} in its name, so '
            f'that this has no effect; names begin with {parts}',
            'current',
            logging.WARNING,
        )
