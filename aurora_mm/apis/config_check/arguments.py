"""Which arguments a registered class or function takes."""

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
    """Arguments by name.

    Args:
        names: All that are known.
        required: Those without a default.
        complete: Whether ``names`` are all there are; False where others are taken too.
    """

    names: tuple[str, ...]
    required: tuple[str, ...]
    complete: bool


def arguments_of(component: Callable[..., Any]) -> Arguments:
    """The arguments of a class or function.

    A class whose ``__init__`` hands its ``**kwargs`` on to ``super().__init__``, and does nothing else with them, takes
    those of the next class as well, less the ones that it passes itself.

    Args:
        component: As it stands in a registry.
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
    """What ``__init__`` itself passes by name to ``super().__init__`` beside ``**rest``.

    None if it does anything else with ``rest``, or its source is not at hand.
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
