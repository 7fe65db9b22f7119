"""Dataset wrappers of mmdet and mmseg around the source of a task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aurora_mm.datasets.rare_classes import repeat_factors
from aurora_mm.errors import ConfigError

Items = list[dict[str, Any]]


def read_items(cfg: Mapping[str, Any], read: Callable[[Mapping[str, Any]], Items]) -> Items:
    """Read the items of a data set, and repeat or concatenate them if it is inside of dataset wrappers.

    The wrappers ``RepeatDataset``, ``ConcatDataset`` and ``ClassBalancedDataset`` are supported, with or without a
    prefix.

    Args:
        cfg: Config of the data set, or of a wrapper around it.
        read: Reads the items of a data set from its config, which is not one of a wrapper.

    Raises:
        ConfigError: If a wrapper has no data set, or ``ClassBalancedDataset`` is used for masks or points.
    """
    kind = str(cfg['type']).rpartition('.')[2]
    if kind == 'RepeatDataset':
        return read_items(_inner(cfg), read) * int(cfg.get('times', 1))
    if kind == 'ConcatDataset':
        datasets = cfg.get('datasets')
        if not isinstance(datasets, Sequence) or not datasets:
            raise ConfigError(f'{cfg["type"]} needs a list `datasets`')
        return _distinct([item for dataset in datasets for item in read_items(dataset, read)])
    if kind == 'ClassBalancedDataset':
        items = read_items(_inner(cfg), read)
        factors = repeat_factors(items, float(cfg.get('oversample_thr', 0)))
        return [item for item, factor in zip(items, factors, strict=True) for _ in range(factor)]
    return read(cfg)


def _inner(cfg: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(cfg.get('dataset'), Mapping):
        raise ConfigError(f'{cfg["type"]} needs a `dataset`')
    wrapped: Mapping[str, Any] = cfg['dataset']
    return wrapped


def _distinct(items: Items) -> Items:
    """Number the images again if different image files have the same ``img_id``."""
    path_of: dict[Any, str] = {}
    if all(path_of.setdefault(item['img_id'], item['img_path']) == item['img_path'] for item in items):
        return items
    number = {path: index for index, path in enumerate(dict.fromkeys(item['img_path'] for item in items))}
    return [item | dict(img_id=number[item['img_path']]) for item in items]
