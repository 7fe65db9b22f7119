"""Configs that mmdet and mmseg ship, as examples of how each of their parts is set up."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

# Left out: what is filled in here, what detection tasks have no labels for, and where weights would be downloaded from.
_LEFT_OUT = ('num_classes', 'init_cfg', 'pretrained', 'in_channels', 'mask_head', 'mask_roi_extractor')
# Made small: layers and numbers that do not change how a part is called.
_SMALL = dict(
    feedforward_channels=64,
    fc_out_channels=64,
    num_layers=2,
    stacked_convs=1,
    num_queries=100,
    nms_pre=100,
    max_per_img=50,
)


@cache
def _texts(host: str) -> dict[str, str]:
    folder = Path(importlib.util.find_spec(host).origin).parent / '.mim/configs'
    files = sorted(folder.rglob('*.py'), key=lambda f: ('_base_/models' not in f.as_posix(), len(str(f)), f))
    return {file.relative_to(folder).as_posix(): file.read_text() for file in files}


def find_config(host: str, name: str) -> str | None:
    """The path of a config that uses a part by its name, the plainest first; None if there is none."""
    pattern = re.compile(rf"type='{name}'")
    return next((path for path, text in _texts(host).items() if pattern.search(text)), None)


def model_of(host: str, path: str) -> ConfigDict:
    """The ``model`` of a config of a host, made small, without what belongs to its own data and weights."""
    folder = Path(importlib.util.find_spec(host).origin).parent / '.mim/configs'
    return _trimmed(Config.fromfile(folder / path, import_custom_modules=False).get('model', {}))


def part_of(model: Any, name: str) -> ConfigDict | None:
    """The first config within a model whose type has this name."""
    return next((part for part in parts_of(model) if part.get('type') == name), None)


def parts_of(value: Any) -> Iterator[ConfigDict]:
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from parts_of(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from parts_of(item)


def _trimmed(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if key not in _LEFT_OUT and not _weights_of_classes(key, item)}
        return ConfigDict({key: _small(key, item) for key, item in kept.items()})
    if isinstance(value, list | tuple):
        return type(value)(_trimmed(item) for item in value)
    return value


def _small(key: str, value: Any) -> Any:
    return _SMALL[key] if key in _SMALL and isinstance(value, int) else _trimmed(value)


def _weights_of_classes(key: str, value: Any) -> bool:
    return key == 'class_weight' and isinstance(value, list | tuple)
