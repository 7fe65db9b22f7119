"""Checks of the fields of a task; each returns the value as tuples, or raises an error that names task and value."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from aurora_mm.errors import ConfigError

MOST_CHARACTERS = 100  # limit for the name of a class or a point


def names_of(task: str, field: str, names: Any) -> tuple[str, ...]:
    """Check a list of names, each one line of text."""
    listed: tuple[Any, ...] = _listed(task, field, names, 'names')
    for name in listed:
        if not isinstance(name, str) or not name.isprintable() or name != name.strip() or not name:
            raise ConfigError(f'{field} of task {task!r}: {name!r} is no name: it must be text without line breaks')
        if len(name) > MOST_CHARACTERS:
            raise ConfigError(f'{field} of task {task!r}: {name[:30]!r}... has over {MOST_CHARACTERS} characters')
    return listed


def pairs_of(task: str, swaps: Any) -> tuple[tuple[str, str], ...]:
    """Check a list of pairs of different names."""
    pairs = [names_of(task, 'swaps', pair) for pair in _listed(task, 'swaps', swaps, 'pairs of names')]
    for pair in pairs:
        if len(pair) != 2 or pair[0] == pair[1]:
            raise ConfigError(f'swaps of task {task!r} must be pairs of two names, not {pair!r}')
    return tuple((a, b) for a, b in pairs)


def ordered_pairs_of(task: str, ordered: Any) -> tuple[tuple[str, str, str], ...]:
    """Check a list of pairs of different points, each with the axis along which they are ordered."""
    triples = [
        names_of(task, 'ordered', triple) for triple in _listed(task, 'ordered', ordered, '(axis, point, point)')
    ]
    for triple in triples:
        if len(triple) != 3 or triple[0] not in ('x', 'y') or triple[1] == triple[2]:
            raise ConfigError(f"ordered of task {task!r} must be 'x' or 'y' and two points, not {triple!r}")
    return tuple((axis, first, second) for axis, first, second in triples)


def is_angle(value: Any) -> bool:
    """Return whether a value is a number of degrees, 0 to 180."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 180


def weights_of(task: str, weights: Any, classes: tuple[str, ...]) -> tuple[float, ...]:
    """Check the weights of classes: one for each of them, or none at all."""
    weights = _listed(task, 'class_weight', weights, 'numbers')
    if not weights:
        return ()
    if not classes:
        raise ConfigError(f'task {task!r} has no classes, so it takes no class_weight')
    if len(weights) != len(classes):
        raise ConfigError(
            f'class_weight of task {task!r} has {len(weights)} numbers for {len(classes)} classes: {", ".join(classes)}'
        )
    for weight in weights:
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < math.inf:
            raise ConfigError(f'class_weight of task {task!r}: {weight!r} is no finite number of at least 0')
    if not any(weights):
        raise ConfigError(f'class_weight of task {task!r} is 0 for every class')
    return tuple(float(weight) for weight in weights)


def configs_of(task: str, measurements: Any) -> tuple[dict[str, Any], ...]:
    """Check a list of dicts with a type."""
    configs = tuple(
        dict(config) if isinstance(config, Mapping) else config
        for config in _listed(task, 'measurements', measurements, 'dicts')
    )
    for config in configs:
        if not isinstance(config, dict) or not isinstance(config.get('type'), str):
            raise ConfigError(f'measurements of task {task!r} must be dicts with a type, not {config!r}')
    return configs


def codes_of(task: str, codes: Any) -> dict[str, dict[str, list[str]]]:
    """Check DICOM codes by name; each becomes a dict of ``type`` and, where it was given, ``category``."""
    if not isinstance(codes, Mapping):
        raise ConfigError(f'codes of task {task!r} must be a dict of codes by name, not {codes!r}')
    found = {}
    for name, given in codes.items():
        kinds = given if isinstance(given, Mapping) else {'type': given}
        if not isinstance(name, str) or 'type' not in kinds or set(kinds) - {'type', 'category'}:
            raise ConfigError(f'codes of task {task!r}: {name!r} must have a type, and may have a category: {given!r}')
        found[name] = {kind: _code(task, name, code) for kind, code in kinds.items()}
    return found


def _code(task: str, name: str, code: Any) -> list[str]:
    parts = [] if isinstance(code, str | Mapping) or not isinstance(code, Iterable) else list(code)
    # 16 and 64 characters are DICOM's own limits for the designator of a scheme and for a meaning.
    if len(parts) != 3 or not all(
        isinstance(part, str) and part.isprintable() and 0 < len(part) <= most
        for part, most in zip(parts, (MOST_CHARACTERS, 16, 64), strict=True)
    ):
        raise ConfigError(
            f'codes of task {task!r}: the code of {name!r} must be [value, scheme, meaning], such as '
            f"['69536005', 'SCT', 'Head'], not {code!r}"
        )
    return parts


def _listed(task: str, field: str, values: Any, kind: str) -> tuple[Any, ...]:
    if isinstance(values, str | Mapping) or not isinstance(values, Iterable):
        raise ConfigError(f'{field} of task {task!r} must be a list of {kind}, not {values!r}')
    return tuple(values)
