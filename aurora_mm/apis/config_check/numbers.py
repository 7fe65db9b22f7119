"""Checks numbers of a config that MMEngine and torch take without a check."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from mmengine.config import Config

from aurora_mm.config_variables import LOADERS
from aurora_mm.errors import ConfigError


class _Range(NamedTuple):
    """The numbers that a key may have: from ``low`` to ``high``, or other values that are allowed too.

    ``low`` itself is not allowed if ``above`` is true.
    """

    low: float
    whole: bool = True
    high: float = math.inf
    others: tuple[Any, ...] = ()
    above: bool = False

    def holds(self, value: Any) -> bool:
        if not isinstance(value, int if self.whole else int | float) or isinstance(value, bool):
            return any(value is other for other in self.others)
        if value == self.low and self.above:
            return False
        return (math.isfinite(value) and self.low <= value <= self.high) or value in self.others

    def __str__(self) -> str:
        kind = 'a whole number' if self.whole else 'a number'
        least = f'above {self.low}' if self.above else f'of {self.low} or more'
        bounds = f'from {self.low} to {self.high}' if self.high < math.inf else least
        others = ''.join(f' or {other}' for other in self.others)
        return f'{kind} {bounds}{others}'


_FACTORS = ('bias_lr', 'bias_decay', 'norm_decay', 'flat_decay', 'dwconv_decay', 'dcn_offset_lr')
_SCHEDULERS = {
    'begin': _Range(0, whole=False),
    'end': _Range(0, whole=False, above=True),
    'eta_min': _Range(0, whole=False, others=(None,)),
    'eta_min_ratio': _Range(0, whole=False, others=(None,)),
    'factor': _Range(0, whole=False, above=True),
    'gamma': _Range(0, whole=False, above=True),
    'power': _Range(0, whole=False),
    'div_factor': _Range(0, whole=False, above=True),
    'final_div_factor': _Range(0, whole=False, above=True),
    'step_size': _Range(1),
    'T_max': _Range(0, whole=False, above=True, others=(None,)),
    'total_steps': _Range(1, others=(None,)),
    'patience': _Range(0),
    'cooldown': _Range(0),
}
_RANGES = {
    'train_cfg.max_epochs': _Range(1, others=(None,)),
    'train_cfg.max_iters': _Range(1, others=(None,)),
    'train_cfg.val_interval': _Range(1),
    'train_cfg.val_begin': _Range(0),
    **{f'{loader}.batch_size': _Range(1, others=(None,)) for loader in LOADERS},
    'train_dataloader.batch_sampler.num_batches': _Range(1, others=(None,)),
    'optim_wrapper.accumulative_counts': _Range(1),
    'optim_wrapper.optimizer.lr': _Range(0, whole=False, others=(None,)),  # Adafactor may choose it
    'optim_wrapper.optimizer.weight_decay': _Range(0, whole=False),
    'optim_wrapper.clip_grad.max_norm': _Range(0, whole=False, above=True),
    'optim_wrapper.clip_grad.clip_value': _Range(0, whole=False, above=True),
    **{f'optim_wrapper.paramwise_cfg.{kind}_mult': _Range(0, whole=False) for kind in _FACTORS},
    'optim_wrapper.paramwise_cfg.custom_keys.*.lr_mult': _Range(0, whole=False),
    'optim_wrapper.paramwise_cfg.custom_keys.*.decay_mult': _Range(0, whole=False),
    **{f'param_scheduler.**.{key}': allowed for key, allowed in _SCHEDULERS.items()},
    'randomness.seed': _Range(0, high=2**32 - 1, others=(None,)),
    'default_hooks.checkpoint.interval': _Range(1, others=(-1,)),
    'default_hooks.logger.interval': _Range(1),
    'model.**.loss_weight': _Range(0, whole=False),
}


def check_numbers(cfg: Config) -> None:
    """Check the ranges of numbers in a config, such as the learning rate and the sizes of batches.

    Args:
        cfg: A config. Keys that it does not have are not checked.

    Raises:
        ConfigError: If a value is no number, or out of range. The message names the file, the key, the value and what
            it may be.
    """
    for pattern, allowed in _RANGES.items():
        for path, value in _values(cfg, pattern.split('.')):
            if not allowed.holds(value):
                raise ConfigError(f'{cfg.filename}: {path} must be {allowed}, not {value!r}')


def _values(value: Any, keys: list[str], path: str = '') -> Iterator[tuple[str, Any]]:
    """Yield the values at a path of keys, where '*' is any key, and '**' any keys or indices of lists."""
    if not keys:
        yield path.removeprefix('.'), value
    elif keys[0] == '**':
        yield from _values(value, keys[1:], path)
        inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
        for key, child in inner:
            yield from _values(child, keys, f'{path}.{key}')
    elif isinstance(value, Mapping | Config):
        for key in value if keys[0] == '*' else [keys[0]] if keys[0] in value else []:
            yield from _values(value[key], keys[1:], f'{path}.{key}')
