"""Wrappers of data sets, as configs of mmdet and mmseg nest them, around the source of a task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mmengine.dataset import ClassBalancedDataset

from aurora_mm.errors import ConfigError

Entries = list[dict[str, Any]]


def read_entries(cfg: Mapping[str, Any], read: Callable[[Mapping[str, Any]], Entries]) -> Entries:
    """Read the entries of a data set, and repeat or join them as its wrappers say.

    ``RepeatDataset``, ``ConcatDataset`` and ``ClassBalancedDataset`` are known, with or without a prefix.

    Args:
        cfg: Config of the data set, or of a wrapper around it.
        read: Reads the entries of a data set that is no wrapper.

    Raises:
        ConfigError: If a wrapper lacks what it wraps, or cannot count its classes.
    """
    kind = str(cfg['type']).rpartition('.')[2]
    if kind == 'RepeatDataset':
        return read_entries(_inner(cfg), read) * int(cfg.get('times', 1))
    if kind == 'ConcatDataset':
        parts = cfg.get('datasets')
        if not isinstance(parts, Sequence) or not parts:
            raise ConfigError(f'{cfg["type"]} needs a list `datasets`')
        return _distinct([entry for part in parts for entry in read_entries(part, read)])
    if kind == 'ClassBalancedDataset':
        return _balanced(read_entries(_inner(cfg), read), float(cfg.get('oversample_thr', 0)))
    return read(cfg)


def _inner(cfg: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(cfg.get('dataset'), Mapping):
        raise ConfigError(f'{cfg["type"]} needs a `dataset`')
    return cfg['dataset']


def _distinct(entries: Entries) -> Entries:
    """The entries with ids by position where images of different files share one."""
    path_of: dict[Any, str] = {}
    if all(path_of.setdefault(entry['img_id'], entry['img_path']) == entry['img_path'] for entry in entries):
        return entries
    number = {path: index for index, path in enumerate(dict.fromkeys(entry['img_path'] for entry in entries))}
    return [entry | dict(img_id=number[entry['img_path']]) for entry in entries]


class _Labelled(list[dict[str, Any]]):
    """Entries that tell their classes as MMEngine's wrapper asks for them."""

    metainfo: dict[str, Any] = {}

    def get_cat_ids(self, index: int) -> list[int]:
        entry = self[index]
        return [entry['gt_label']] if 'gt_label' in entry else list(entry.get('bboxes_labels', []))


def _balanced(entries: Entries, threshold: float) -> Entries:
    """Repeat images of rare classes by MMEngine's rule: sqrt(threshold / share of the rarest class), rounded up."""
    if not entries or not ({'gt_label', 'bboxes_labels'} & entries[0].keys()):
        raise ConfigError('ClassBalancedDataset knows the classes of images and of boxes, not of pixels or points')
    labelled = _Labelled(entries)
    wrapper = ClassBalancedDataset.__new__(ClassBalancedDataset)
    wrapper.dataset = labelled
    factors = wrapper._get_repeat_factors(labelled, threshold)
    return [entry for entry, factor in zip(entries, factors, strict=True) for _ in range(-int(-factor // 1))]
