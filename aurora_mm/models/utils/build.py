"""Building of modules from their configs, those of other packages in their own scope."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mmengine.model import BaseModule
from mmengine.registry import DefaultScope, Registry
from torch import nn

from aurora_mm.errors import ConfigError
from aurora_mm.misfits import MISFITS, reason_of
from aurora_mm.registry import MODELS

if TYPE_CHECKING:
    from typing import TypeGuard


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


def needs_init_weights(part: nn.Module) -> TypeGuard[BaseModule]:
    """Whether ``init_weights`` changes a module: one with an ``init_cfg``, or of another package.

    Layers of aurora_mm's own modules are initialised when they are built, and need not be initialised again.
    """
    if not isinstance(part, BaseModule):
        return False
    modules = [module for module in part.modules() if isinstance(module, BaseModule)]
    return any(module.init_cfg or not type(module).__module__.startswith('aurora_mm.') for module in modules)


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
