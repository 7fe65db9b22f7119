"""Freezing of modules of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import nn

from aurora_mm.errors import ConfigError


def freeze(parts: Mapping[str, nn.Module], names: Sequence[str]) -> list[nn.Module]:
    """Freeze modules of a model: set eval mode and switch off their gradients.

    Autograd then stores nothing for a frozen module unless a module before it is trained.

    Args:
        parts: All modules with parameters, by name. Modules within a container can be named as well, such as
            'necks.pyramid'.
        names: Names of the modules to freeze.

    Returns:
        The frozen modules, which the model must keep in eval mode when it is set to training mode.

    Raises:
        ConfigError: If there is no module of a name, or no parameter would be left to train.
    """
    known = dict(parts)
    for name, part in parts.items():
        if isinstance(part, nn.ModuleDict):
            known |= {f'{name}.{key}': content for key, content in part.items()}
    if unknown := [name for name in names if name not in known]:
        raise ConfigError(f'frozen names {", ".join(map(repr, unknown))}; parts of this model are {", ".join(known)}')
    for name in names:
        known[name].requires_grad_(False).eval()
    if names and not any(parameter.requires_grad for part in parts.values() for parameter in part.parameters()):
        raise ConfigError(f'with {", ".join(names)} frozen, nothing is left to learn')
    return [known[name] for name in names]
