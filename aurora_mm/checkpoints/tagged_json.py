"""Plain values as JSON, such that reading gives exactly the same values.

JSON has no tuples, no keys but text, and no numbers that are not finite. Parts of other packages may tell a tuple from
a list, so these values are written as an object with one key: ``{"__tuple__": [3, 4]}``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

_TUPLE, _FLOAT, _ITEMS = '__tuple__', '__float__', '__items__'
_TAGS = {_TUPLE, _FLOAT, _ITEMS}


def to_json(value: Any) -> Any:
    """Convert a plain value to one that JSON has.

    Args:
        value: Numbers, text, booleans, None, and lists, tuples and dicts of them.

    Raises:
        TypeError: If the value is, or contains, anything else.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return {_FLOAT: repr(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, tuple):
        return {_TUPLE: [to_json(item) for item in value]}
    if isinstance(value, list):
        return [to_json(item) for item in value]
    if isinstance(value, Mapping):
        if all(isinstance(key, str) for key in value) and not _TAGS & value.keys():
            return {key: to_json(item) for key, item in value.items()}
        return {_ITEMS: [[to_json(key), to_json(item)] for key, item in value.items()]}
    raise TypeError(f'JSON has no {type(value).__module__}.{type(value).__qualname__}')


def from_json(value: Any) -> Any:
    """Convert a value back, the inverse of :func:`to_json`.

    Args:
        value: A value as ``json.loads`` gives it.

    Raises:
        ValueError: If an object with one of the special keys has another content than :func:`to_json` writes.
        TypeError: See ``ValueError``.
    """
    if isinstance(value, list):
        return [from_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    if not _TAGS & value.keys():
        return {key: from_json(item) for key, item in value.items()}
    ((tag, content),) = value.items()
    if tag == _FLOAT:
        return float(content)
    if tag == _TUPLE:
        return tuple(from_json(item) for item in content)
    return {from_json(key): from_json(item) for key, item in content}
