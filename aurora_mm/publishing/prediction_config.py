"""The part of a config that predictions need."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from aurora_mm.errors import ConfigError

_SECTIONS = ('custom_imports', 'default_scope', 'model', 'tta_model', 'tta_pipeline')
# A path of a machine: absolute, in a home folder, of a drive, or a URL of a file.
_PATH = re.compile(r'/[^/\s]|~|[A-Za-z]:[\\/]|\\\\|file:')


def prediction_config(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sections of a config that predictions need, without paths of the machine that trained.

    Weights to start from (``pretrained``, ``init_cfg``) are removed, because the model folder has its own weights. Of
    the test data the pipeline is kept.

    Args:
        values: The config of a checkpoint, see :func:`aurora_mm.checkpoints.read_config_text`.

    Raises:
        ConfigError: If a value that predictions need is a path of a machine. The message gives its key.
    """
    kept = {key: _without_starting_weights(values[key]) for key in _SECTIONS if key in values}
    if 'pretrained' in kept['model']['backbone']:
        kept['model']['backbone']['pretrained'] = None
    dataset = values['test_dataloader']['dataset']
    kept['test_dataloader'] = dict(dataset=dict(pipeline=dataset['pipeline']))
    require_no_path(kept, 'the config')
    return kept


def require_no_path(values: Any, what: str) -> None:
    """Check that no text of plain values is a path of a machine.

    Args:
        values: Dicts, lists, tuples, text and numbers.
        what: Name of the values, for the error message.

    Raises:
        ConfigError: If there is one. The message gives its key.
    """
    for key, text in _texts(values, ''):
        if _PATH.match(text):
            raise ConfigError(f'{what} names {text!r} as {key[1:]}: a path of this machine, which is not published')


def _without_starting_weights(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_starting_weights(item) for key, item in value.items() if key != 'init_cfg'}
    if isinstance(value, list | tuple):
        return type(value)(_without_starting_weights(item) for item in value)
    return value


def _texts(value: Any, key: str) -> Iterator[tuple[str, str]]:
    """Yield all texts with the path of keys to them."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _texts(item, f'{key}.{name}')
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _texts(item, f'{key}.{index}')
