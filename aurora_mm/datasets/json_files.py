"""JSON files, read strictly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aurora_mm.errors import DataError


def read_json_value(file: str | Path) -> Any:
    """What a JSON file holds.

    Args:
        file: In UTF-8.

    Raises:
        DataError: If it cannot be read as one, a key stands twice in an object, or a number is NaN or infinite.
    """
    try:
        text = Path(file).read_text(encoding='utf-8-sig')
        return json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except (OSError, ValueError) as error:
        raise DataError(f'not a JSON file ({error})', file=file) from error
    except RecursionError as error:
        raise DataError('not a JSON file (nested too deeply)', file=file) from error


def read_json(file: str | Path) -> dict[str, Any]:
    """The object that a JSON file holds.

    Args:
        file: In UTF-8.

    Raises:
        DataError: As :func:`read_json_value`, or if it holds something else.
    """
    content = read_json_value(file)
    if not isinstance(content, dict):
        raise DataError(f'holds a {type(content).__name__}, not an object', file=file)
    return content


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f'key {repeated!r} stands twice in an object')
    return content


def _no_constant(name: str) -> None:
    raise ValueError(f'{name} is no number')
