"""The text of a config, as MMEngine keeps it in checkpoints and work dirs, read as data."""

from __future__ import annotations

import ast
import math
from typing import Any

from aurora_mm.errors import ConfigError

_NUMBERS = {'inf': math.inf, 'nan': math.nan}  # as Python prints them


def read_config_text(text: str) -> dict[str, Any]:
    """The values of a config that MMEngine printed (``Config.pretty_text``).

    That text is Python, and MMEngine runs it. Here it is data: assignments of numbers, text, lists, tuples and dicts.
    Nothing is run, imported or looked up.

    Args:
        text: Such as ``model = dict(type='MultiTaskModel')``.

    Returns:
        The values by name.

    Raises:
        ConfigError: If the text holds anything else, naming the line.
    """
    try:
        statements = ast.parse(text).body
        return dict(_assignment(statement) for statement in statements)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:  # of Python's parser
        raise ConfigError(f'the config is no text of plain values ({type(error).__name__}: {error})') from error


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
