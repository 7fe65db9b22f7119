"""The maps that backbones and necks of any package return."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from aurora_mm.errors import ConfigError
from aurora_mm.misfits import MISFITS, reason_of

_PROBE = 128  # side in pixels of the image on which a foreign module is run


class Maps(NamedTuple):
    """The maps that a module returns.

    Attributes:
        channels (list[int]): Channels of each map.
        strides (list[int]): Input pixels per cell of each map.
        fit_image (bool): Where the cells of a map lie whose stride does not divide the image. If True, they cover
            exactly the image. If False, cell i begins at pixel ``i * stride``.
    """

    channels: list[int]
    strides: list[int]
    fit_image: bool = False


def maps_of(part: nn.Module, before: Maps | None = None) -> Maps:
    """Return the channels and strides of the maps of a backbone, or of a neck.

    Modules of aurora_mm declare lists ``out_channels`` and ``strides``. Backbones and necks of other packages do not,
    or use these names for something else. They are run on images of zeros, in eval mode and, as a copy, in training
    mode.

    Args:
        part: The backbone or neck.
        before: The maps that a neck reads; None for a backbone.

    Raises:
        ConfigError: If the module cannot be run, or returns other maps in training than in testing.
    """
    channels, strides = getattr(part, 'out_channels', None), getattr(part, 'strides', None)
    if isinstance(channels, list) and isinstance(strides, list) and len(channels) == len(strides):
        return Maps(channels, strides, getattr(part, 'fit_maps_to_image', False))
    name = type(part).__name__
    training = part.training
    try:
        with torch.no_grad():
            part.eval()  # the statistics of BatchNorm must not change
            tested = _maps(part, before)
            trial = copy.deepcopy(part)
            trial.train()
            trained = _maps(trial, before)
    except MISFITS as error:
        raise ConfigError(f'{name} cannot be run on the maps before it or on an image: {reason_of(error)}') from error
    finally:
        part.train(training)
    for maps in (tested, trained):
        if not isinstance(maps, Sequence) or not all(isinstance(m, Tensor) and m.dim() == 4 for m in maps):
            raise ConfigError(f'{name} gives no list of maps (B, C, h, w), which is what necks and heads read')
    if [m.shape for m in tested] != [m.shape for m in trained]:  # of two images
        raise ConfigError(
            f'{name} gives maps {[tuple(m.shape[1:]) for m in trained]} in training and '
            f'{[tuple(m.shape[1:]) for m in tested]} in testing, so that no head can read both'
        )
    return Maps([m.shape[1] for m in tested], [_PROBE // m.shape[-1] for m in tested])


def _maps(part: nn.Module, before: Maps | None) -> Any:
    """Run a module on two images of zeros, or on their maps."""
    like = next(part.parameters(), torch.empty(0))
    if before is None:
        return part(like.new_zeros(2, 3, _PROBE, _PROBE))
    return part(
        tuple(
            like.new_zeros(2, channels, _PROBE // stride, _PROBE // stride)
            for channels, stride in zip(before.channels, before.strides, strict=True)
        )
    )
