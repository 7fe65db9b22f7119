"""What the heads of a multi-task model read of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from aurora_mm.errors import ConfigError
from aurora_mm.models.adapters import TaskAdapter
from aurora_mm.models.heads import BaseTaskHead
from aurora_mm.models.utils.containers import ModuleDict
from aurora_mm.structures import MultiTaskDataSample, TaskBatch, TaskDataSample
from aurora_mm.tasks import TaskTable


class WiredModel(Protocol):
    """What :func:`head_inputs` reads of a :class:`MultiTaskModel`.

    Attributes:
        tasks (TaskTable): The tasks.
        head_of (dict[str, str]): Key of the head of each task.
        source_of (dict[str, str]): Source that each head reads, 'backbone' or the name of a neck.
        necks (ModuleDict): The necks by name.
        heads (ModuleDict): The heads by key.
        adapters (ModuleDict): One adapter for each task by its name, or none.
    """

    tasks: TaskTable
    head_of: dict[str, str]
    source_of: dict[str, str]
    necks: ModuleDict[nn.Module]
    heads: ModuleDict[BaseTaskHead]
    adapters: ModuleDict[TaskAdapter]


class HeadInput(NamedTuple):
    """One call of a head.

    Attributes:
        head (BaseTaskHead): The head.
        feats (Sequence[Tensor]): The maps that it reads, of all images of its tasks.
        batches (list[TaskBatch]): Its tasks with their images among those of ``feats``.
    """

    head: BaseTaskHead
    feats: Sequence[Tensor]
    batches: list[TaskBatch]


def head_inputs(
    model: WiredModel, maps: Sequence[Tensor], data_samples: Sequence[MultiTaskDataSample]
) -> Iterator[HeadInput]:
    """Yield the calls of the heads that a batch needs.

    A neck runs once, on the images of all tasks whose heads read it. A head runs once, on the images of all its tasks;
    with adapters, which change the maps for each task, it runs once for each task.

    Args:
        model: The model.
        maps: Its maps of the batch, see :meth:`MultiTaskModel.extract_feat`.
        data_samples: One for each image; their task samples say which tasks are asked.

    Raises:
        ConfigError: If a sample is of a task that the model does not have.
    """
    asked = _by_task(data_samples, model.tasks)
    rows_of_source: dict[str, set[int]] = {}
    for name, (rows, _) in asked.items():
        rows_of_source.setdefault(model.source_of[model.head_of[name]], set()).update(rows)
    levels = {}
    for source, of_source in rows_of_source.items():
        levels[source] = _take(maps, sorted(of_source))
        if source != 'backbone':
            levels[source] = model.necks[source](levels[source])
    for key, head in model.heads.items():
        of_head = {name: found for name, found in asked.items() if model.head_of[name] == key}
        if not of_head:
            continue
        source = model.source_of[key]
        places = sorted(rows_of_source[source])
        groups = [{name: found} for name, found in of_head.items()] if model.adapters else [of_head]
        for group in groups:
            rows = sorted({row for found, _ in group.values() for row in found})
            feats = _take(levels[source], [places.index(row) for row in rows])
            batches = [
                TaskBatch(model.tasks[name], _index([rows.index(row) for row in found], len(rows), feats), samples)
                for name, (found, samples) in group.items()
            ]
            if model.adapters:
                feats = model.adapters[next(iter(group))](feats)
            yield HeadInput(head, feats, batches)


def _by_task(
    data_samples: Sequence[MultiTaskDataSample], tasks: TaskTable
) -> dict[str, tuple[list[int], list[TaskDataSample]]]:
    """Return the tasks of the batch in table order, each with the positions of its images and its samples."""
    found: dict[str, tuple[list[int], list[TaskDataSample]]] = {}
    for row, image in enumerate(data_samples):
        for sample in image:
            if sample.task not in tasks:
                raise ConfigError(
                    f'{sample.get("img_path")} asks for task {sample.task!r}, which the model was not built for; '
                    f'its tasks are {", ".join(tasks)}'
                )
            rows, samples = found.setdefault(sample.task, ([], []))
            rows.append(row)
            samples.append(sample)
    return {name: found[name] for name in tasks if name in found}


def _index(rows: list[int], count: int, maps: Sequence[Tensor]) -> Tensor | None:
    """Return ``rows`` as an index on the device of the maps, or None if they are 0 to ``count - 1`` in order."""
    if rows == list(range(count)):
        return None
    return torch.tensor(rows).to(maps[0].device, non_blocking=True)


def _take(maps: Sequence[Tensor], rows: list[int]) -> Sequence[Tensor]:
    """Select some images of the maps of a batch; returns the maps themselves if those are all images."""
    index = _index(rows, len(maps[0]), maps)
    return maps if index is None else [m.index_select(0, index) for m in maps]
