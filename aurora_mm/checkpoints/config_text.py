"""A safe reader for the text of configs that MMEngine stores in checkpoints and work dirs."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from aurora_mm.errors import ConfigError

_NUMBERS = {'inf': math.inf, 'nan': math.nan}  # as Python prints them


def read_config_text(text: str) -> dict[str, Any]:
    """Read a config from the text that MMEngine prints (``Config.pretty_text``), without running it.

    The text is Python code, which MMEngine itself runs. This function only accepts assignments of numbers, text,
    booleans, None, lists, tuples and dicts. It runs and imports nothing.

    Args:
        text: Text such as ``model = dict(type='MultiTaskModel')``.

    Returns:
        The assigned values by name.

    Raises:
        ConfigError: If the text contains anything else. The message names the line.
    """
    try:
        statements = ast.parse(text).body
        return dict(_assignment(statement) for statement in statements)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:  # errors of Python's parser
        raise ConfigError(f'the config is no text of plain values ({type(error).__name__}: {error})') from error


def unformatted(cfg: Config) -> Config:
    """Copy a config so that its text is not laid out by yapf.

    MMEngine's Runner writes the text of its config four times when it starts and once into each checkpoint. yapf takes
    one to two seconds each time, on a 2-core CPU, for a config with 27 tasks. Without it the text has the same values,
    indented, with each item of a list in a line of its own. ``Config.fromfile(..., format_python_code=False)`` does the
    same for configs that import their parts, but MMEngine ignores it for all others.

    Args:
        cfg: Config to copy. It is not changed.
    """
    return Config(cfg.to_dict(), cfg.text, cfg.filename, cfg.env_variables, format_python_code=False)


def text_of_config(values: Mapping[str, Any]) -> str:
    """Write the values of a config as text, the inverse of :func:`read_config_text`.

    Args:
        values: Plain values by name.
    """
    return ''.join(f'{name} = {value!r}\n' for name, value in values.items())


def _assignment(statement: ast.stmt) -> tuple[str, Any]:
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        raise _no_value(statement)
    target = statement.targets[0]
    if not isinstance(target, ast.Name):
        raise _no_value(statement)
    return target.id, _value(statement.value)


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=str() | bool() | int() | float() | None as value):
            return value
        case ast.Name(id=name) if name in _NUMBERS:
            return _NUMBERS[name]
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Name(id=name)) if name in _NUMBERS:
            return -_NUMBERS[name]
        case ast.List(elts=items):
            return [_value(item) for item in items]
        case ast.Tuple(elts=items):
            return tuple(_value(item) for item in items)
        case ast.Dict(keys=keys, values=values) if None not in keys:
            return {_value(key): _value(item) for key, item in zip(keys, values, strict=True) if key is not None}
        case ast.Call(func=ast.Name(id='dict'), args=[], keywords=pairs) if all(pair.arg for pair in pairs):
            return {str(pair.arg): _value(pair.value) for pair in pairs}
        case ast.Call(func=ast.Name(id='dict'), args=[ast.Dict() as items], keywords=[]):
            return _value(items)
    raise _no_value(node)


def _no_value(node: ast.AST) -> ConfigError:
    return ConfigError(f'line {getattr(node, "lineno", "?")} of the config is no plain value')
