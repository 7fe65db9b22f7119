"""Conversion of errors that MMEngine raises when it builds a config."""

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
    """Convert MMEngine's errors about an unknown type or a wrong argument to errors that name the file and the key.

    :func:`check_config` finds most of these mistakes before anything is built. It does not know the arguments of
    classes with ``**kwargs``, or how classes of other packages use the configs among their arguments.

    Args:
        cfg: The config that is built inside the ``with`` block.

    Raises:
        ConfigError: Instead of such an error.
    """
    try:
        yield
    except (KeyError, TypeError) as error:
        text = str(error.args[0]) if error.args else ''
        refused = _refused_config(error.__traceback__)
        unknown = _UNKNOWN_TYPE.match(text)
        if refused is None or not (unknown or _WRONG_ARGUMENT.search(text)):
            raise
        problem = f'{unknown[1]!r} is not registered' if unknown else text
        raise ConfigError(f'{cfg.filename}: {_path_of(refused, cfg)}: {problem}') from error


def _refused_config(traceback: TracebackType | None) -> Mapping[str, Any] | None:
    """Return the config dict that MMEngine could not build; None if the error was raised elsewhere."""
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None or traceback.tb_frame.f_code.co_name != 'build_from_cfg':
        return None
    return traceback.tb_frame.f_locals.get('cfg')


def _path_of(refused: Mapping[str, Any], cfg: Config) -> str:
    """Return the key path of a config dict in a config. Keys that were added before building it are ignored."""
    for path, other in _walk(cfg.to_dict(), ''):
        if other.get('type') == refused.get('type') and all(refused.get(key) == value for key, value in other.items()):
            return path
    return f'type {refused.get("type")!r}'


def _walk(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield all dicts with a ``type`` in a config, outer ones first, with their key paths."""
    if isinstance(value, Mapping):
        if 'type' in value:
            yield path, value
        items = list(value.items())
    else:
        items = list(enumerate(value)) if isinstance(value, list | tuple) else []
    for key, child in items:
        yield from _walk(child, f'{path}.{key}' if path else str(key))
