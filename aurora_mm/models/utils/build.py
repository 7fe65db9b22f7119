"""Parts of a model from their configs: built in their own scope, and fitted to the part before them."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from mmengine.model import BaseModule
from mmengine.registry import DefaultScope, Registry
from torch import Tensor, nn

from aurora_mm.errors import ConfigError
from aurora_mm.registry import MODELS

_PROBE = 128  # pixels of the image that measures a foreign part
# Heads of these packages stand behind an adapter, see aurora_mm.models.interop.
_ADAPTERS = {'mmseg': 'aurora_mm.MMSegHead', 'mmdet': 'aurora_mm.MMDetHead'}


class Maps(NamedTuple):
    """What a part puts out: channels of each map, and input pixels per cell of it."""

    channels: list[int]
    strides: list[int]


def build_in_scope(cfg: dict[str, Any], registry: Registry = MODELS) -> Any:
    """Builds a part; types within a foreign one (``mmdet.X``) are looked up in its own package.

    Args:
        cfg: Config of the part.
        registry: Where its type is registered, here or in a package that is named as a prefix.

    Raises:
        ConfigError: If the type is not registered.
    """
    if isinstance(cfg['type'], str):
        if registry.get(cfg['type']) is None:
            raise ConfigError(f'{cfg["type"]!r} is not registered')
        scope, dot, _ = cfg['type'].partition('.')
        if dot and scope != registry.scope:
            with DefaultScope.overwrite_default_scope(scope):
                return registry.build(cfg)
    return registry.build(cfg)


def wrap_foreign_head(cfg: dict[str, Any]) -> dict[str, Any]:
    """The config of a head, behind its adapter if it is ``mmseg.X`` or ``mmdet.X``."""
    kind = cfg['type']
    adapter = _ADAPTERS.get(kind.partition('.')[0]) if isinstance(kind, str) else None
    return cfg if adapter is None else dict(type=adapter, head=cfg)


def only_for_task(cfg: Any, task: str) -> Any:
    """A copy of the config of a head for one of its tasks: of arguments that differ by task (``by_task``), its own.

    Args:
        cfg: The config, or any value within it.
        task: Name of the task.
    """
    if isinstance(cfg, dict):
        own = {key: only_for_task(value, task) for key, value in cfg.items()}
        if 'by_task' in own:
            own['by_task'] = {name: value for name, value in own['by_task'].items() if name == task}
        return own
    if isinstance(cfg, (list, tuple)):
        return type(cfg)(only_for_task(value, task) for value in cfg)
    return cfg


def needs_init_weights(part: nn.Module) -> bool:
    """Whether ``init_weights`` has something to add: to a part with an ``init_cfg``, or of another package.

    Layers of aurora_mm's parts are drawn as they are built, and not a second time.
    """
    if not isinstance(part, BaseModule):
        return False
    modules = [module for module in part.modules() if isinstance(module, BaseModule)]
    return any(module.init_cfg or not type(module).__module__.startswith('aurora_mm.') for module in modules)


def maps_of(part: nn.Module, before: Maps | None = None) -> Maps:
    """The maps of a backbone, or of a neck behind ``before``: declared, or else measured.

    A part of aurora_mm declares lists ``out_channels`` and ``strides``. Backbones and necks of other packages do not,
    or mean something else by these names: they are run once, on an image of zeros.
    """
    channels, strides = getattr(part, 'out_channels', None), getattr(part, 'strides', None)
    if isinstance(channels, list) and isinstance(strides, list) and len(channels) == len(strides):
        return Maps(channels, strides)
    tensor = next(part.parameters())
    probe = tensor.new_zeros
    if before is None:
        inputs: Any = probe(1, 3, _PROBE, _PROBE)
    else:
        inputs = tuple(
            probe(1, c, _PROBE // s, _PROBE // s) for c, s in zip(before.channels, before.strides, strict=True)
        )
    training = part.training
    part.eval()  # normalisation must not learn from zeros
    with torch.no_grad():
        maps: Sequence[Tensor] = part(inputs)
    part.train(training)
    return Maps([m.shape[1] for m in maps], [_PROBE // m.shape[-1] for m in maps])


def fit(cfg: dict[str, Any], name: str, before: Maps, before_name: str) -> dict[str, Any]:
    """``cfg`` with the channels and strides of the part before, where it takes them.

    Raises:
        ConfigError: If ``cfg`` gives others, or its type is not registered.
    """
    cfg = dict(cfg)
    part = cfg['type'] if isinstance(cfg['type'], type) else MODELS.get(cfg['type'])
    if part is None:
        raise ConfigError(f'{name}: {cfg["type"]!r} is not registered')
    takes = inspect.signature(part).parameters
    for key, found in (('in_channels', before.channels), ('in_strides', before.strides)):
        if key not in takes:
            continue
        given = cfg.setdefault(key, list(found))
        if list(given if isinstance(given, Sequence) else [given]) != list(found):
            raise ConfigError(f'{name} ({cfg["type"]}) takes {key} {given}, but {before_name} puts out {list(found)}')
    return cfg
