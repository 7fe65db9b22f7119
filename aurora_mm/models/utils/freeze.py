"""Parts of a model that keep their weights while others learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import nn

from aurora_mm.errors import ConfigError


def freeze(parts: Mapping[str, nn.Module], names: Sequence[str]) -> list[nn.Module]:
    """Puts parts of a model in eval mode and lets them take no gradient. Autograd then keeps nothing of a part that
    follows none that learns.

    Args:
        parts: All that can learn, by name. Of a container its content can be named too, as 'necks.pyramid'.
        names: The parts to freeze.

    Returns:
        The frozen parts, which the model must keep in eval mode when it is told to train.

    Raises:
        ConfigError: If a name is that of no part, or nothing would be left to learn.
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
