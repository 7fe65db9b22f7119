"""Several checkpoints of one architecture as one: the mean of their weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from aurora_mm.apis.checkpoint import read_checkpoint, require_same_tasks, trained_tasks
from aurora_mm.errors import WeightsError
from aurora_mm.models.utils.starting_weights import require_finite


def average_checkpoints(checkpoints: Sequence[str | Path]) -> dict[str, Any]:
    """The element-wise mean of the weights of checkpoints ("model soup", Wortsman et al., ICML 2022; stochastic weight
    averaging over epochs, Izmailov et al., UAI 2018).

    Floating-point tensors are averaged in double precision and keep their type. Whole numbers (counters) are the first
    checkpoint's. Files are read one at a time.

    Args:
        checkpoints: Two files or more, of training runs of one architecture and the same tasks.

    Returns:
        ``meta`` of the first, with the files' names under ``averaged_from``, and ``state_dict``. Nothing to resume a
        training from: optimisers cannot be averaged.

    Raises:
        WeightsError: If a file is no checkpoint of aurora_mm, or differs from the first in its tasks or in the name,
            shape or kind of a tensor, naming them; or if a weight is not finite.
    """
    if len(checkpoints) < 2:
        raise WeightsError(f'averaging takes two checkpoints or more, not {len(checkpoints)}')
    first = read_checkpoint(checkpoints[0])
    require_finite(checkpoints[0], _state(first))
    mean = {name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in _state(first).items()}
    for file in checkpoints[1:]:
        other = read_checkpoint(file)
        require_same_tasks(file, trained_tasks(other), checkpoints[0], trained_tasks(first))
        state = _state(other)
        require_finite(file, state)
        _check_same_tensors(_state(first), state, checkpoints[0], file)
        for name, tensor in state.items():
            if tensor.is_floating_point():
                mean[name] += tensor.double()
    count = len(checkpoints)
    averaged = {
        name: (mean[name] / count).to(tensor.dtype) if tensor.is_floating_point() else tensor
        for name, tensor in _state(first).items()
    }
    return dict(meta=first['meta'] | dict(averaged_from=[str(file) for file in checkpoints]), state_dict=averaged)


def batch_norm_statistics(checkpoint: Mapping[str, Any]) -> list[str]:
    """Names of running statistics in a checkpoint: after averaging they no longer are those of the averaged weights."""
    return [name for name in _state(checkpoint) if name.endswith('running_var')]


def _state(checkpoint: Mapping[str, Any]) -> Mapping[str, Tensor]:
    return checkpoint['state_dict']


def _check_same_tensors(
    first: Mapping[str, Tensor], other: Mapping[str, Tensor], first_file: str | Path, file: str | Path
) -> None:
    problems = [f'{name} is missing' for name in first.keys() - other.keys()]
    problems += [f'{name} is only there' for name in other.keys() - first.keys()]
    for name in first.keys() & other.keys():
        a, b = first[name], other[name]
        if a.shape != b.shape:
            problems.append(f'{name} has shape {tuple(b.shape)}, not {tuple(a.shape)}')
        elif a.is_floating_point() != b.is_floating_point():
            problems.append(f'{name} is {b.dtype}, not {a.dtype}')
    if problems:
        shown = '; '.join(sorted(problems)[:8]) + (f'; and {len(problems) - 8} more' if len(problems) > 8 else '')
        raise WeightsError(f'{file} does not fit {first_file}: {shown}')
