"""Checks of the numbers in the config of a transform or a data set."""

from __future__ import annotations

import math
from collections.abc import Sequence

from aurora_mm.errors import ConfigError


def check_number(owner: object, name: str, value: float, high: float = math.inf, positive: bool = False) -> float:
    """Return a finite number that is not below 0 and not above a bound.

    Args:
        owner: The transform, for the message.
        name: Name of its argument.
        value: The number, whole or not.
        high: Largest number that is allowed.
        positive: Whether it must be above 0.

    Raises:
        ConfigError: If it is no such number.
    """
    if not _is_number(value) or not 0 <= value <= high or (positive and value == 0):
        bounds = f'a number from 0 to {high:g}' if high < math.inf else 'a finite number from 0 on'
        more = ', above 0' if positive else ''
        raise ConfigError(f'{type(owner).__name__}: {name} must be {bounds}{more}, not {value!r}')
    return value


def check_count(owner: object, name: str, value: int, low: int = 1) -> int:
    """Return a whole number that is not below a bound.

    Args:
        owner: See :func:`check_number`.
        name: See :func:`check_number`.
        value: The number.
        low: Smallest number that is allowed.

    Raises:
        ConfigError: If it is no such number.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < low:
        raise ConfigError(f'{type(owner).__name__}: {name} must be a whole number from {low} on, not {value!r}')
    return value


def check_range(
    owner: object, name: str, values: Sequence[float], positive: bool = False, high: float = math.inf
) -> tuple[float, float]:
    """Return the two ends of a range, the smaller one first, neither below 0.

    Args:
        owner: See :func:`check_number`.
        name: See :func:`check_number`.
        values: The smallest and the largest value.
        positive: Whether the smallest value must be above 0.
        high: Largest number that is allowed.

    Raises:
        ConfigError: If they are not two such numbers in increasing order.
    """
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) != 2:
        raise ConfigError(f'{type(owner).__name__}: {name} must be two numbers, not {values!r}')
    first, last = (check_number(owner, name, value, high) for value in values)
    if first > last or (positive and first == 0):
        wanted = 'be above 0, the smaller number first' if positive else 'have the smaller number first'
        raise ConfigError(f'{type(owner).__name__}: {name} must {wanted}, not {values!r}')
    return first, last


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
