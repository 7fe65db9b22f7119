"""Building of modules from their configs, in their own scope and fitted to the module before them."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from mmengine.model import BaseModule
from mmengine.registry import DefaultScope, Registry
from torch import Tensor, nn

from aurora_mm.errors import ConfigError
from aurora_mm.misfits import MISFITS, reason_of
from aurora_mm.models.utils.refused_modules import refuse_module
from aurora_mm.registry import MODELS

if TYPE_CHECKING:
    from typing import TypeGuard

# Necks of mmdet whose in_channels is one number though its annotation does not say so, and necks that list the coarsest
# level first.
_ONE_NUMBER = ('DilatedEncoder', 'DyHead')
_COARSE_FIRST = ('YOLOV3Neck',)
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


def require_module_configs(**configs: Any) -> None:
    """Check that each argument is the config of a module, or None.

    Raises:
        ConfigError: If one is not a dict with a ``type``. The message gives the argument and its value.
    """
    for name, cfg in configs.items():
        if cfg is not None and not (isinstance(cfg, Mapping) and 'type' in cfg):
            raise ConfigError(f"model.{name} takes the config of a part, dict(type='...', ...), not {cfg!r}")


def require_dicts(**values: Any) -> None:
    """Check that each argument is a dict, or None.

    Raises:
        ConfigError: If one is not. The message gives the argument and its value.
    """
    for name, value in values.items():
        if value is not None and not isinstance(value, Mapping):
            raise ConfigError(f'model.{name} takes a dict, not {value!r}')


def build_in_scope(cfg: dict[str, Any], registry: Registry = MODELS) -> Any:
    """Build a module; types within one of another package (``mmdet.X``) are looked up in that package.

    Args:
        cfg: Config of the module.
        registry: Registry of its type, here or in the package that the prefix names.

    Returns:
        The built module.

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


class IdentityBackbone(nn.Module):
    """Replaces the backbone of a model of mmdet or mmseg: it returns the maps that it is given."""

    def forward(self, maps: Any) -> Any:
        """Return the maps unchanged."""
        return maps


def foreign_class(kind: str | type) -> type:
    """Return the class that ``mmdet.X`` or ``mmseg.X`` names; a class is returned unchanged.

    Raises:
        ConfigError: If it is not registered.
    """
    if isinstance(kind, type):
        return kind
    found = MODELS.get(kind)
    if found is None:
        raise ConfigError(f'{kind!r} is not registered')
    return found


def build_foreign(cfg: dict[str, Any]) -> Any:
    """Build a module of another package.

    Returns:
        The module, an ``nn.Module``. Its class is the one that the config names, so no annotation can say it here.

    Raises:
        ConfigError: If it cannot be built, because an argument is missing, unknown or wrong.
    """
    try:
        return build_in_scope(cfg)
    except MISFITS as error:
        raise ConfigError(f'{cfg["type"]} cannot be built: {reason_of(error)}') from error


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


def only_for_task(cfg: Any, task: str) -> Any:
    """Copy the config of a head for one of its tasks, with only this task's arguments in ``by_task``.

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


def needs_init_weights(part: nn.Module) -> TypeGuard[BaseModule]:
    """Whether ``init_weights`` changes a module: one with an ``init_cfg``, or of another package.

    Layers of aurora_mm's own modules are initialised when they are built, and need not be initialised again.
    """
    if not isinstance(part, BaseModule):
        return False
    modules = [module for module in part.modules() if isinstance(module, BaseModule)]
    return any(module.init_cfg or not type(module).__module__.startswith('aurora_mm.') for module in modules)


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


def parameters_of(part: type) -> dict[str, inspect.Parameter]:
    """Return the parameters of a class, including those of its bases if it takes any keyword."""
    found: dict[str, inspect.Parameter] = {}
    for kind in part.__mro__:
        if '__init__' not in vars(kind):
            continue
        own = inspect.signature(vars(kind)['__init__']).parameters
        found = dict(own) | found
        if not any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in own.values()):
            break
    return found


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
