"""Finds the arguments of registered classes and functions."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True)
class Arguments:
    """Names of arguments.

    Args:
        names: All known arguments.
        required: Arguments without a default value.
        complete: Whether ``names`` contains all arguments. False if others may be accepted.
    """

    names: tuple[str, ...]
    required: tuple[str, ...]
    complete: bool


def arguments_of(component: Callable[..., Any]) -> Arguments:
    """Find the arguments of a class or function.

    If ``__init__`` of a class only passes its ``**kwargs`` to ``super().__init__``, the arguments of the next class in
    the method resolution order are added, without those that ``__init__`` passes itself.

    Args:
        component: A registered class or function.
    """
    if not inspect.isclass(component):
        return _arguments(list(inspect.signature(component).parameters.values()))
    names: dict[str, None] = {}
    required: tuple[str, ...] | None = None
    passed: set[str] = set()
    for owner in component.__mro__:
        init = owner.__dict__.get('__init__')
        if init is None:
            continue
        if owner is object:
            break
        try:
            parameters = list(inspect.signature(init).parameters.values())[1:]
        except ValueError:  # written in C
            return Arguments(tuple(names), required or (), complete=False)
        own = _arguments(parameters)
        names.update(dict.fromkeys(name for name in own.names if name not in passed))
        required = own.required if required is None else required
        if own.complete:
            break
        rest = next(p.name for p in parameters if p.kind is inspect.Parameter.VAR_KEYWORD)
        handed_on = _passed_to_super(init, rest)
        if handed_on is None:
            return Arguments(tuple(names), required, complete=False)
        passed |= handed_on
    return Arguments(tuple(names), required or (), complete=True)


def _arguments(parameters: list[inspect.Parameter]) -> Arguments:
    named = [p for p in parameters if p.kind in _NAMED]
    return Arguments(
        tuple(p.name for p in named),
        tuple(p.name for p in named if p.default is inspect.Parameter.empty),
        complete=all(p.kind is not inspect.Parameter.VAR_KEYWORD for p in parameters),
    )


def _passed_to_super(init: Callable[..., Any], rest: str) -> set[str] | None:
    """Return the names of the arguments that ``__init__`` passes to ``super().__init__`` in addition to ``**rest``.

    Returns None if ``rest`` is used for anything else, or if the source code is not available.
    """
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(init)))
    except (OSError, TypeError, SyntaxError):
        return None
    uses = sum(isinstance(node, ast.Name) and node.id == rest for node in ast.walk(tree))
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and _is_super_init(node.func)):
            continue
        if any(k.arg is None and isinstance(k.value, ast.Name) and k.value.id == rest for k in node.keywords):
            return {k.arg for k in node.keywords if k.arg is not None} if uses == 1 else None
    return None


def _is_super_init(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and function.attr == '__init__'
        and isinstance(function.value, ast.Call)
        and isinstance(function.value.func, ast.Name)
        and function.value.func.id == 'super'
    )
