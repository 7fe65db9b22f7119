"""Initial weights of a model from those of another model, which may have other heads and other tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor, nn

from aurora_mm.errors import ConfigError, WeightsError
from aurora_mm.models.multi_task_model import MultiTaskModel
from aurora_mm.models.utils.layers import TaskOutputs
from aurora_mm.models.utils.model_weights import STATE_OF_THE_RUN, joined
from aurora_mm.tasks import TaskTable


@dataclass
class StartingState:
    """Weights to start a training from.

    Attributes:
        state: The whole state of the model, for ``model.load_state_dict``.
        new: Names of the tensors that keep the model's own initial values.
        left_out: Names of the tensors of the other model that are not used.
    """

    state: dict[str, Tensor]
    new: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def starting_state(
    model: MultiTaskModel,
    state: Mapping[str, Tensor],
    tasks: TaskTable | None = None,
    new_parts: Sequence[str] = (),
) -> StartingState:
    """Return the state of ``model`` with the weights of another model, as a start for training.

    A head gets the weights of the head that serves its tasks in the other model, so one head of a task type can become
    one head for each task. Adapters that the other model does not have, and the state of a run, stay unchanged. All
    other tensors must be there, fit and be used, apart from what ``tasks`` and ``new_parts`` allow.

    Args:
        model: The model; it gives the names and shapes.
        state: The state of the other model.
        tasks: The tasks of the other model, if ``model`` may have others. A task that both have, with the same type and
            the same names of its outputs, gets its weights. Any other task of ``model`` keeps initial values in its own
            layers, and takes the layers that all tasks of its type share, if the other model has a head of this type.
            None if both models have the same tasks.
        new_parts: Names of modules of ``model`` that keep their initial values, such as ``'heads.segmentation'``. What
            the other model has there is left out.

    Returns:
        The state, with the names of what does not come from the other model and of what is not used of it.

    Raises:
        WeightsError: If a tensor is missing or has another shape, or one of the other model is not used. The message
            names them.
        ConfigError: If ``new_parts`` has a name that is not one of a module with weights.
    """
    own = model.state_dict()
    prefixes: tuple[str, ...] = ()
    for part in new_parts:
        of_part = _prefixes(model, part)
        if not any(name.startswith(of_part) for name in own):
            raise ConfigError(f'{part!r} is no part of the model that has weights, so it cannot start anew')
        prefixes += of_part
    sources = _Sources(model, state, tasks)
    result, used, problems = StartingState(own), set(), []
    for name, initial in own.items():
        if name.startswith(STATE_OF_THE_RUN):
            continue
        if name.startswith(prefixes) or sources.is_new(name):
            result.new.append(name)
            continue
        source = sources.of(name)
        used.add(source)
        if source not in state:
            problems.append(f'{source} is missing')
            continue
        value = state[source]
        if sources.is_sliced(name):
            value = value[: len(initial)]
        if value.shape != initial.shape:
            problems.append(f'{source} has shape {tuple(value.shape)}, not {tuple(initial.shape)}')
        result.state[name] = value
    for name in state:
        if name in used or name.startswith(STATE_OF_THE_RUN):
            continue
        if name.startswith(prefixes) or sources.is_left_out(name):
            result.left_out.append(name)
        else:
            problems.append(f'{name} is left over')
    if problems:
        raise WeightsError(
            f'the weights do not fit this model: {joined(problems)}. Parts that may start anew are named in new_parts '
            'of StartFromHook'
        )
    return result


def _prefixes(model: MultiTaskModel, part: str) -> tuple[str, ...]:
    """Return how names of tensors of a part begin; the heads of a task type include those of its single tasks."""
    prefix = f'{part}.'
    of_tasks = [
        prefix.replace(f'heads.{task.type}', f'heads.{task.name}', 1)
        for task in model.tasks.values()
        if prefix.startswith(f'heads.{task.type}.')
    ]
    return prefix, *of_tasks


class _Sources:
    """Where each tensor of a model comes from in the state of another model.

    Args:
        model: The model.
        state: The state of the other model.
        tasks: The tasks of the other model if they may be others, else None.
    """

    def __init__(self, model: MultiTaskModel, state: Mapping[str, Tensor], tasks: TaskTable | None) -> None:
        self._model = model
        self._heads_there = {name.split('.')[1] for name in state if name.startswith('heads.')}
        self._with_adapters = any(name.startswith('adapters.') for name in state)
        self._theirs: TaskTable | None = tasks
        self._same = {
            task.name
            for task in model.tasks.values()
            if tasks is None
            or (
                task.name in tasks
                and (task.type, task.output_names) == (tasks[task.name].type, tasks[task.name].output_names)
            )
        }
        self._sliced: list[str] = []
        self._of_tasks: set[str] = set()  # containers, within a head, of one module for each task
        for key, head in model.heads.items():
            for name, module in head.named_modules():
                if isinstance(module, TaskOutputs) and module.shared:
                    self._sliced.append(f'heads.{key}.{name}.layer.')
                if isinstance(module, nn.ModuleDict) and all(task in model.tasks for task in module):
                    self._of_tasks.add(f'{name}.')

    def of(self, name: str) -> str:
        """Return the name of the tensor in the other model.

        Raises:
            WeightsError: If the tensor is of a head that serves tasks with different heads in the other model.
        """
        if not name.startswith('heads.'):
            return name
        _, key, rest = name.split('.', 2)
        heads = self._heads_of(key)
        if len(heads) > 1:
            raise WeightsError(f'head {key!r} cannot be made of several heads: {", ".join(sorted(heads))}')
        return f'heads.{heads.pop()}.{rest}'

    def is_sliced(self, name: str) -> bool:
        """Return whether the tensor is of a layer of which tasks take slices."""
        return name.startswith(tuple(self._sliced))

    def is_new(self, name: str) -> bool:
        """Return whether the other model has no such tensor because it does not have the task or the adapter."""
        if name.startswith('adapters.'):
            return not self._with_adapters or name.split('.')[1] not in self._same
        if self._theirs is None or not name.startswith('heads.'):
            return False
        _, key, rest = name.split('.', 2)
        task = self._task_of(rest)
        return (task is not None and task not in self._same) or not self._heads_of(key) & self._heads_there

    def is_left_out(self, name: str) -> bool:
        """Return whether a tensor of the other model serves only tasks that the model does not have."""
        if self._theirs is None or not name.startswith(('heads.', 'adapters.')):
            return False
        kind, key, rest = name.split('.', 2)
        if kind == 'adapters':
            return key not in self._same
        if not any(key in self._heads_of(own) for own in self._model.heads):
            return True
        task = self._task_of(rest)
        return task in self._theirs and task not in self._same

    def _heads_of(self, key: str) -> set[str]:
        """Return the keys of the heads of the other model that serve the tasks of a head of the model."""
        return {
            task.name if task.name in self._heads_there and task.name in self._same else task.type
            for task in self._model.heads[key].tasks
        }

    def _task_of(self, rest: str) -> str | None:
        """Return the task that a tensor of a head belongs to alone; None if tasks share it."""
        for container in self._of_tasks:
            if rest.startswith(container):
                return rest.removeprefix(container).split('.', 1)[0]
        return None
