"""Fits necks and heads to the maps that they read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from aurora_mm.errors import ConfigError
from aurora_mm.models.utils.build import build_foreign, foreign_class, parameters_of
from aurora_mm.models.utils.maps import Maps
from aurora_mm.models.utils.refused_modules import refuse_module
from aurora_mm.registry import MODELS

# Necks of mmdet whose in_channels is one number though its annotation does not say so, and necks that list the coarsest
# level first.
_ONE_NUMBER = ('DilatedEncoder', 'DyHead')
_COARSE_FIRST = ('YOLOV3Neck',)


def build_neck(cfg: dict[str, Any], name: str, before: Maps, before_name: str) -> nn.Module:
    """Build a neck for the maps of the backbone; arguments as in :func:`fit`.

    Its levels cover exactly the image if it has an argument ``fit_maps_to_image``, because the heads of this package
    expect it.

    Raises:
        ConfigError: If it does not fit the maps, or cannot be built.
    """
    refuse_module(cfg['type'])
    cfg = fit(cfg, name, before, before_name)
    if 'fit_maps_to_image' in parameters_of(foreign_class(cfg['type'])):
        cfg.setdefault('fit_maps_to_image', True)
    return build_foreign(cfg)


def fit(cfg: dict[str, Any], name: str, before: Maps, before_name: str) -> dict[str, Any]:
    """Fill in what a module must know of the maps before it: channels, strides and whether they fit the image.

    Args:
        cfg: Config of a neck or head.
        name: Its name, for error messages.
        before: The maps that it reads.
        before_name: Name of the module that returns these maps, for error messages.

    Returns:
        The completed config.

    Raises:
        ConfigError: If ``cfg`` gives other values, or its type is not registered.
    """
    cfg = dict(cfg)
    part = cfg['type'] if isinstance(cfg['type'], type) else MODELS.get(cfg['type'])
    if part is None:
        raise ConfigError(f'{name}: {cfg["type"]!r} is not registered')
    takes = parameters_of(part)
    for key, found in (('in_channels', before.channels), ('in_strides', before.strides)):
        if key not in takes:
            continue
        if part.__name__ in _COARSE_FIRST:
            found = found[::-1]
        # Necks that take one number read maps with equal channels, or only the last map.
        one = str(takes[key].annotation) in ('int', "<class 'int'>") or part.__name__ in _ONE_NUMBER
        given = cfg.setdefault(key, found[-1] if one else list(found))
        if one and given == found[-1]:
            continue
        if list(given if isinstance(given, Sequence) else [given]) != list(found):
            raise ConfigError(f'{name} ({cfg["type"]}) takes {key} {given}, but {before_name} puts out {list(found)}')
    if 'maps_fit_image' in takes:
        cfg.setdefault('maps_fit_image', before.fit_image)
    return cfg


def check_strides(head: nn.Module, name: str, strides: Sequence[int] | None) -> None:
    """Compare the strides of a dense head of mmdet with those of its maps.

    Args:
        head: The head; a head without priors has no strides and is not checked.
        name: Type of the head, for error messages.
        strides: Input pixels per cell of each map that it reads; None if unknown.

    Raises:
        ConfigError: If they differ.
    """
    priors = getattr(head, 'approx_anchor_generator', getattr(head, 'prior_generator', None))
    if priors is None or strides is None:
        return
    own = [stride[0] if isinstance(stride, Sequence) else stride for stride in priors.strides]
    if own != list(strides):
        raise ConfigError(f'{name} is set up for strides {own}, but its maps have {list(strides)}')
