"""Checks, comparison and checksums of the weights of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from aurora_mm.checkpoints.sealing import checksum
from aurora_mm.errors import WeightsError

# Prefixes of the state that belongs to a training run: a new run starts without it, and no prediction depends on it.
STATE_OF_THE_RUN = ('guard.', 'tracker.', 'balancer.')


def require_finite(file: str | Path, state: Mapping[str, Tensor]) -> None:
    """Check that weights are finite, which they are not after a training that diverged.

    Args:
        file: File of the weights, for the error message.
        state: Tensors by name; those of a training run (:data:`STATE_OF_THE_RUN`) are not checked.

    Raises:
        WeightsError: If they are not. The message gives the first such tensor and the number of values.
    """
    for name, tensor in state.items():
        if not tensor.is_floating_point() or name.startswith(STATE_OF_THE_RUN) or tensor.isfinite().all():
            continue
        count = int((~tensor.isfinite()).sum())
        raise WeightsError(f'{file}: {count} of the {tensor.numel()} values of {name} are not finite')


def misfits(own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> list[str]:
    """Describe how tensors differ from those of a model in names, shapes and kinds.

    A tensor of floating-point numbers may have another precision than the model's.

    Args:
        own: Tensors of the model by name.
        state: Tensors to load into it, by name.

    Returns:
        A description of each difference. Empty if they fit.
    """
    problems = [f'{name} is missing' for name in own if name not in state]
    problems += [f'{name} is left over' for name in state if name not in own]
    for name, tensor in state.items():
        if name in own and tensor.shape != own[name].shape:
            problems.append(f'{name} has shape {tuple(tensor.shape)}, not {tuple(own[name].shape)}')
        elif name in own and tensor.is_floating_point() != own[name].is_floating_point():
            problems.append(f'{name} holds {tensor.dtype}, not {own[name].dtype}')
    return problems


def joined(problems: Sequence[str], most: int = 8) -> str:
    """Join descriptions, the first few of many.

    Args:
        problems: The descriptions.
        most: How many are named.
    """
    return '; '.join(problems[:most]) + (f'; and {len(problems) - most} more' if len(problems) > most else '')


def weights_checksum(state: Mapping[str, Tensor]) -> str:
    """Compute a checksum of the weights that predictions depend on, which checkpoints and model folders share.

    Args:
        state: State dict of a model.
    """
    return checksum({name: state[name] for name in sorted(state) if not name.startswith(STATE_OF_THE_RUN)})
