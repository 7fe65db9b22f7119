"""Averaging of the weights of several checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from aurora_mm.apis.checkpoint import read_checkpoint, require_same_tasks, trained_tasks
from aurora_mm.calibration.calibration import CALIBRATION
from aurora_mm.datasets.image_fingerprints import with_images_of
from aurora_mm.errors import WeightsError
from aurora_mm.models.utils.model_weights import joined, require_finite
from aurora_mm.routing.task_router import ROUTER


def average_checkpoints(checkpoints: Sequence[str | Path]) -> dict[str, Any]:
    """Average the weights of checkpoints element by element.

    The checkpoints may be of several runs ("model soup", Wortsman et al., ICML 2022) or of several epochs of one run
    (stochastic weight averaging, Izmailov et al., UAI 2018). Floating-point tensors are averaged in double precision
    and converted back to their type. Integer tensors (counters) are taken from the first checkpoint. Only two
    checkpoints are in memory at the same time.

    Args:
        checkpoints: Two or more files of training runs with the same architecture and the same tasks.

    Returns:
        A checkpoint with ``state_dict`` and with ``meta`` of the first one, to which ``averaged_from``, the list of
        files, and the fingerprints of the training images of the others are added. It has no optimizer state, so
        training cannot be resumed from it, and no calibration.

    Raises:
        WeightsError: If there are fewer than two files, a file is not a checkpoint of aurora_mm, its tasks or the
            name, shape or type of a tensor differ from the first checkpoint, or a weight is not finite.
    """
    if len(checkpoints) < 2:
        raise WeightsError(f'averaging takes two checkpoints or more, not {len(checkpoints)}')
    first = read_checkpoint(checkpoints[0])
    require_finite(checkpoints[0], _state(first))
    mean = {name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in _state(first).items()}
    dataset_metas = [first['meta']['dataset_meta']]
    for file in checkpoints[1:]:
        other = read_checkpoint(file)
        dataset_metas.append(other['meta']['dataset_meta'])
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
    # A calibration belongs to the weights that it was fitted with.
    meta = {key: value for key, value in first['meta'].items() if key not in (CALIBRATION, ROUTER)}
    meta |= dict(
        averaged_from=[str(file) for file in checkpoints],
        dataset_meta=with_images_of(dataset_metas[0], dataset_metas[1:]),
    )
    return dict(meta=meta, state_dict=averaged)


def batch_norm_statistics(checkpoint: Mapping[str, Any]) -> list[str]:
    """Return the names of batch norm statistics in a checkpoint, which are not correct after averaging."""
    return [name for name in _state(checkpoint) if name.endswith('running_var')]


def _state(checkpoint: Mapping[str, Any]) -> Mapping[str, Tensor]:
    state: Mapping[str, Tensor] = checkpoint['state_dict']
    return state


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
        raise WeightsError(f'{file} does not fit {first_file}: {joined(sorted(problems))}')
