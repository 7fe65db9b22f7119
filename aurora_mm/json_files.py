"""A strict reader of JSON files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aurora_mm.errors import DataError


def read_json_value(file: str | Path) -> Any:
    """Read any value from a JSON file.

    Args:
        file: Path of a file in UTF-8.

    Raises:
        DataError: If the file cannot be read or is not JSON, an object has a key twice, or a number is NaN or infinite.
    """
    try:
        text = Path(file).read_text(encoding='utf-8-sig')
        return json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except OSError as error:
        raise DataError(f'cannot be read ({error.strerror or error})', file=file) from error
    except ValueError as error:
        raise DataError(f'not a JSON file ({error})', file=file) from error
    except RecursionError as error:
        raise DataError('not a JSON file (nested too deeply)', file=file) from error


def read_json(file: str | Path) -> dict[str, Any]:
    """Read an object from a JSON file.

    Args:
        file: Path of a file in UTF-8.

    Raises:
        DataError: As :func:`read_json_value`; also if the file contains another value than an object.
    """
    return as_object(read_json_value(file), file)


def as_object(value: Any, file: str | Path) -> dict[str, Any]:
    """Return the value of a JSON file, which must be an object.

    Raises:
        DataError: If it is another value.
    """
    if not isinstance(value, dict):
        raise DataError(f'holds a {type(value).__name__}, not an object', file=file)
    return value


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f'key {repeated!r} stands twice in an object')
    return content


def _no_constant(name: str) -> None:
    raise ValueError(f'{name} is no number')
