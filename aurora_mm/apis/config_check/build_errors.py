"""Conversion of errors that are raised when MMEngine builds a config."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from traceback import walk_tb
from types import TracebackType
from typing import Any

from mmengine.config import Config

from aurora_mm.errors import ConfigError

_UNKNOWN_TYPE = re.compile(r'^[\'"]?(\S+) is not in the (\S+?)(?:::(.+?))? registry')
_WRONG_ARGUMENT = re.compile(r'unexpected keyword argument|missing \d+ required|multiple values for argument')


@contextmanager
def build_errors_as_config_errors(cfg: Config) -> Iterator[None]:
    """Convert errors about an unknown type, a wrong argument or a refused value to ones that name the file and the key.

    A value is refused if the constructor of a part, or of a data loader, raises a ValueError or an AssertionError.

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
    except (ValueError, AssertionError) as error:
        refused = _config_of_constructor(error.__traceback__)
        if refused is None:
            raise
        name = refused.get('type', 'a data loader')
        kind = name if isinstance(name, str) else name.__name__
        raise ConfigError(f'{cfg.filename}: {_path_of(refused, cfg)}: {kind} refuses a value: {error}') from error


# Functions of MMEngine that build a part, and the names of their configs in them.
_BUILDERS = {'build_from_cfg': 'cfg', 'build_dataloader': 'dataloader', 'build_scheduler_from_cfg': 'cfg'}
_CONSTRUCTORS = ('__init__', 'build_iter_from_epoch')


def _config_of_constructor(traceback: TracebackType | None) -> Mapping[str, Any] | None:
    """Return the config dict whose values a constructor refused; None if the error was raised elsewhere."""
    refused = None
    for frame, _ in walk_tb(traceback):
        name = frame.f_code.co_name
        if name in _BUILDERS:
            refused = frame.f_locals.get(_BUILDERS[name])
        elif name not in _CONSTRUCTORS:
            refused = None
    return refused


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
        if 'type' not in refused:
            if other == refused:
                return path
        elif other.get('type') == refused['type'] and all(refused.get(key) == value for key, value in other.items()):
            return path
    return f'type {refused.get("type")!r}'


def _walk(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield all dicts in a config, outer ones first, with their key paths."""
    if isinstance(value, Mapping):
        yield path, value
        items = list(value.items())
    else:
        items = list(enumerate(value)) if isinstance(value, list | tuple) else []
    for key, child in items:
        yield from _walk(child, f'{path}.{key}' if path else str(key))
