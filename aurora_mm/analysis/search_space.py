"""The values that a study tries for the settings of a config."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aurora_mm.errors import ConfigError

_HELP = 'write KEY=A,B,C (one of these), KEY=LOW..HIGH, or KEY=log:LOW..HIGH'


@dataclass(frozen=True)
class Choices:
    """One of some values.

    Args:
        values: Numbers, texts, booleans or None.
    """

    values: tuple[Any, ...]

    @property
    def example(self) -> Any:
        """One of the values."""
        return self.values[0]

    def suggest(self, trial: Any, key: str) -> Any:
        """Let a trial of Optuna choose."""
        return trial.suggest_categorical(key, self.values)


@dataclass(frozen=True)
class Range:
    """A number between two bounds, which belong to it; a whole number if both bounds are whole.

    Args:
        low: Lower bound.
        high: Upper bound.
        log: Whether the logarithm is spread evenly, and not the number.
    """

    low: float
    high: float
    log: bool = False

    @property
    def example(self) -> float:
        """One of the values."""
        return self.low

    def suggest(self, trial: Any, key: str) -> float:
        """Let a trial of Optuna choose."""
        whole = isinstance(self.low, int) and isinstance(self.high, int)
        suggest = trial.suggest_int if whole else trial.suggest_float
        value: float = suggest(key, self.low, self.high, log=self.log)
        return value


def read_search_space(texts: Sequence[str]) -> dict[str, Choices | Range]:
    """Read a search space, such as ``['optim_wrapper.optimizer.lr=log:1e-5..1e-3', 'model.own_heads=True,False']``.

    Nothing in the texts is executed.

    Args:
        texts: ``KEY=VALUES``; a key is one of ``--cfg-options``.

    Returns:
        The values by key.

    Raises:
        ConfigError: If a text cannot be read, or a key occurs twice. The message quotes it.
    """
    space: dict[str, Choices | Range] = {}
    for text in texts:
        key, equals, values = text.partition('=')
        if not equals or not key or not values:
            raise ConfigError(f'--vary {text}: {_HELP}')
        if key in space:
            raise ConfigError(f'--vary {text}: {key} is there twice')
        space[key] = _values(text, values)
    return space


def as_options(values: Mapping[str, Any]) -> list[str]:
    """Format values as ``KEY=VALUE`` texts for ``--cfg-options``."""
    return [f'{key}={value}' for key, value in values.items()]


def _values(text: str, values: str) -> Choices | Range:
    log = values.startswith('log:')
    low, dots, high = values.removeprefix('log:').partition('..')
    if not dots:
        if log:
            raise ConfigError(f'--vary {text}: {_HELP}')
        found = [_value(each) for each in values.split(',')]
        return Choices(tuple({(type(each), each): each for each in found}.values()))  # 1 and True are equal
    bounds = _value(low), _value(high)
    numbers = all(type(bound) in (int, float) and math.isfinite(bound) for bound in bounds)
    if not numbers or not bounds[0] < bounds[1] or (log and bounds[0] <= 0):
        raise ConfigError(f'--vary {text}: the bounds are two numbers, the lower one first{", above 0" * log}')
    return Range(*bounds, log)


def _value(text: str) -> Any:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    return value if isinstance(value, bool | int | float | str | None) else text
