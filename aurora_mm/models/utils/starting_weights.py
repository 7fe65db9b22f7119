"""Initial weights of a model from those of another model, whose heads may serve other sets of tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from torch import Tensor

from aurora_mm.checkpoints.sealing import checksum
from aurora_mm.errors import WeightsError
from aurora_mm.models.multi_task_model import MultiTaskModel
from aurora_mm.models.utils.layers import TaskOutputs

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


def weights_checksum(state: Mapping[str, Tensor]) -> str:
    """Compute a checksum of the weights that predictions depend on, which checkpoints and model folders share.

    Args:
        state: State dict of a model.
    """
    return checksum({name: state[name] for name in sorted(state) if not name.startswith(STATE_OF_THE_RUN)})


def starting_state(model: MultiTaskModel, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the state of ``model`` with the weights of another model of the same tasks, as a start for training.

    A head gets the weights of the head that serves its tasks in the other model, so one head of a task type can become
    one head for each task. Adapters that the other model does not have, and the state of a run, stay unchanged.

    Args:
        model: The model; it gives the names and shapes.
        state: The state of the other model.

    Returns:
        The state, for ``model.load_state_dict``.

    Raises:
        WeightsError: If a tensor is missing or has another shape, or one of the other model is not used. The message
            names them.
    """
    with_adapters = any(name.startswith('adapters.') for name in state)
    heads_there = {name.split('.')[1] for name in state if name.startswith('heads.')}
    sliced = tuple(_sliced_layers(model))
    result, used, problems = model.state_dict(), set(), []
    for name, own in result.items():
        if name.startswith(STATE_OF_THE_RUN) or (name.startswith('adapters.') and not with_adapters):
            continue
        source = name
        if name.startswith('heads.'):
            _, key, rest = name.split('.', 2)
            sources = {task.name if task.name in heads_there else task.type for task in model.heads[key].tasks}
            if len(sources) > 1:
                raise WeightsError(f'head {key!r} cannot be made of several heads: {", ".join(sorted(sources))}')
            source = f'heads.{sources.pop()}.{rest}'
        used.add(source)
        if source not in state:
            problems.append(f'{source} is missing')
            continue
        value = state[source]
        if name.startswith(sliced):
            value = value[: len(own)]
        if value.shape != own.shape:
            problems.append(f'{source} has shape {tuple(value.shape)}, not {tuple(own.shape)}')
        result[name] = value
    problems += [f'{name} is left over' for name in state if name not in used and not name.startswith(STATE_OF_THE_RUN)]
    if problems:
        shown = '; '.join(problems[:8]) + (f'; and {len(problems) - 8} more' if len(problems) > 8 else '')
        raise WeightsError(f'the weights do not fit this model: {shown}')
    return result


def _sliced_layers(model: MultiTaskModel) -> Iterator[str]:
    """Yield the prefixes of the layers of which tasks take slices."""
    for name, module in model.heads.named_modules(prefix='heads'):
        if isinstance(module, TaskOutputs) and module.shared:
            yield f'{name}.layer.'
