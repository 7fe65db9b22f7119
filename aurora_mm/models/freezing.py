"""Parts of a model that keep their weights while others learn."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from aurora_mm.errors import ConfigError


def freeze(model: nn.Module, names: Sequence[str], roots: Sequence[str]) -> list[nn.Module]:
    """Puts parts of a model in eval mode and lets them take no gradient. Autograd then keeps nothing of a part that
    follows none that learns.

    Args:
        model: Its parts are trained as they are, but for those named.
        names: ``roots`` or the parts right below them, by their names in the model's state ('necks.pyramid').
        roots: What can be frozen.

    Returns:
        The frozen parts, which the model must keep in eval mode when it is told to train.

    Raises:
        ConfigError: If a name is that of no such part, or nothing would be left to learn.
    """
    parts = {root: model.get_submodule(root) for root in roots}
    parts |= {
        f'{root}.{name}': part
        for root, container in parts.items()
        if isinstance(container, nn.ModuleDict)
        for name, part in container.items()
    }
    if unknown := [name for name in names if name not in parts]:
        raise ConfigError(f'frozen names {", ".join(map(repr, unknown))}; parts of this model are {", ".join(parts)}')
    for name in names:
        parts[name].requires_grad_(False).eval()
    if names and not any(parameter.requires_grad for root in roots for parameter in parts[root].parameters()):
        raise ConfigError(f'with {", ".join(names)} frozen, nothing is left to learn')
    return [parts[name] for name in names]
