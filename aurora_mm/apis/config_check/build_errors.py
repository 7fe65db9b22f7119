"""Mistakes in a config that only building its parts brings to light."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from mmengine.config import Config

from aurora_mm.errors import ConfigError

_UNKNOWN_TYPE = re.compile(r'^[\'"]?(\S+) is not in the (\S+?)(?:::(.+?))? registry')
_WRONG_ARGUMENT = re.compile(r'unexpected keyword argument|missing \d+ required|multiple values for argument')


@contextmanager
def build_errors_as_config_errors(cfg: Config) -> Iterator[None]:
    """Turns what MMEngine raises of an unknown type or a wrong argument into an error that names file and key.

    :func:`check_config` finds most of these before anything is built. It cannot know the arguments of a class that
    takes ``**kwargs``, nor what a class of another package makes of the configs within its own.

    Args:
        cfg: What is built inside the ``with`` block.

    Raises:
        ConfigError: In place of that error.
    """
    try:
        yield
    except (KeyError, TypeError) as error:
        text = str(error.args[0]) if error.args else ''
        part = _refused_part(error.__traceback__)
        unknown = _UNKNOWN_TYPE.match(text)
        if part is None or not (unknown or _WRONG_ARGUMENT.search(text)):
            raise
        problem = f'{unknown[1]!r} is not registered' if unknown else text
        raise ConfigError(f'{cfg.filename}: {_path_of(part, cfg)}: {problem}') from error


def _refused_part(traceback: TracebackType | None) -> Mapping[str, Any] | None:
    """The config that MMEngine could not build, if that is where an error was raised; else None."""
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None or traceback.tb_frame.f_code.co_name != 'build_from_cfg':
        return None
    return traceback.tb_frame.f_locals.get('cfg')


def _path_of(part: Mapping[str, Any], cfg: Config) -> str:
    """The key path of a part in a config. What was added on the way to the registry is left out of account."""
    for path, other in _walk(cfg.to_dict(), ''):
        if other.get('type') == part.get('type') and all(part.get(key) == value for key, value in other.items()):
            return path
    return f'type {part.get("type")!r}'


def _walk(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """All dicts with a ``type`` in a config, the outermost first."""
    if isinstance(value, Mapping):
        if 'type' in value:
            yield path, value
        items = list(value.items())
    else:
        items = list(enumerate(value)) if isinstance(value, list | tuple) else []
    for key, child in items:
        yield from _walk(child, f'{path}.{key}' if path else str(key))
