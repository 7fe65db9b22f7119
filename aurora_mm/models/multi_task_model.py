"""AURORA: one encoder, a light pyramid, and a small head for each type of task.

Read this file first: an image goes encoder -> neck -> head of each task type -> losses (or predictions) of its tasks,
and the losses go through the balancer.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from torch import Tensor, nn
from torch.optim import Optimizer

from aurora_mm.errors import ConfigError
from aurora_mm.models.balancers import LossBalancer, TaskLossTracker
from aurora_mm.models.heads import BaseTaskHead, wrap_foreign_head
from aurora_mm.models.predictions import prediction_of
from aurora_mm.models.utils.batch_statistics import protect_statistics
from aurora_mm.models.utils.build import (
    Maps,
    build_foreign,
    build_in_scope,
    build_neck,
    fit,
    maps_of,
    needs_init_weights,
    only_for_task,
    require_dicts,
    require_parts,
)
from aurora_mm.models.utils.freeze import freeze
from aurora_mm.models.utils.nonfinite_guard import NonFiniteGuard, drop_nonfinite_gradients
from aurora_mm.models.utils.refused_parts import refuse_part
from aurora_mm.registry import MODELS
from aurora_mm.structures import MultiTaskDataSample, TaskBatch, TaskDataSample, task_samples_of
from aurora_mm.tasks import TASK_TYPES, Task, TaskTable


@MODELS.register_module()
class MultiTaskModel(BaseModel):
    """One model for many tasks of several types.

    Args:
        tasks: The task table, as dicts (see :class:`aurora_mm.tasks.Task`).
        backbone: Config of the encoder.
        detail: Config of a branch of fine maps beside the encoder (:class:`ConvDetailBranch`). Its maps stand before
            the encoder's wherever 'backbone' is read.
        neck: Config of the neck, or several by name: ``dict(pyramid=dict(type=...), pooled=dict(type=...))``.
        heads: Config of the head for each task type, or for a single task by its name, which then has its own.
        sources: What a head reads, by the key it has in ``heads``: 'backbone' or the name of a neck. A single
            task's head reads what its type's does, unless it is named itself. With one neck a head not named reads
            that, and without a neck the backbone.
        own_heads: Whether each task has a head of its own, made from its type's config.
        adapter: Config of what stands between source and head, one for each task: :class:`TaskFiLM` or
            :class:`TaskBottleneckAdapter`; nothing by default.
        frozen: Parts that keep their weights and stay in eval mode: 'backbone', 'detail', 'necks', 'heads', 'adapters',
            or one of several, as 'necks.pyramid'.
        balancer: Config of the loss balancer; by default losses are left as they are.
        ema_momentum: Of the running means of the tasks' losses.
        max_nonfinite: How many labels whose loss is not finite a run bears, over all tasks and ranks; see
            :class:`NonFiniteGuard`.
        data_preprocessor: Config; see :class:`ImgDataPreprocessor`.
        channels_last: Whether maps and the weights of convolutions lie in memory as torch's ``channels_last`` has it,
            for which GPUs have the faster convolutions. Shapes and results stay. Heads of mmdet that call ``view`` on
            their maps do not take it.

    Backbones and necks of other packages go in by prefix (``mmdet.ResNet``, ``mmdet.FPN``), and so do heads: dense
    heads of mmdet and decode heads of mmseg, behind :class:`MMDetHead` and :class:`MMSegHead`.

    ``in_channels`` of necks and heads (and ``in_strides`` where they take them) may be left out: they are what the
    part before puts out, see :func:`aurora_mm.models.utils.build.maps_of`. Where given, they must agree with it.

    Raises:
        ConfigError: If parts do not fit together, or a task has no head.
    """

    def __init__(
        self,
        tasks: Sequence[Mapping],
        backbone: dict,
        heads: Mapping[str, dict],
        neck: dict | None = None,
        detail: dict | None = None,
        sources: Mapping[str, str] | None = None,
        own_heads: bool = False,
        adapter: dict | None = None,
        frozen: Sequence[str] = (),
        balancer: dict | None = None,
        ema_momentum: float = 0.98,
        max_nonfinite: int = 10,
        data_preprocessor: dict | None = None,
        channels_last: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        self.tasks = TaskTable(tasks)
        require_dicts(neck=neck, heads=heads, sources=sources)
        require_parts(backbone=backbone, detail=detail, adapter=adapter, balancer=balancer)
        require_parts(**{f'heads.{key}': cfg for key, cfg in heads.items()})
        require_parts(**{f'neck.{name}': cfg for name, cfg in _by_name(neck).items()})
        refuse_part(backbone['type'])
        self.backbone = build_foreign(backbone)
        self.detail = None if detail is None else build_in_scope(detail)
        maps = {'backbone': maps_of(self.backbone)}
        if self.detail is not None:
            maps['backbone'] = Maps(*(a + b for a, b in zip(maps_of(self.detail), maps['backbone'], strict=True)))
        self.necks = nn.ModuleDict()
        for name, cfg in _by_name(neck).items():
            source = f"'backbone' ({type(self.backbone).__name__})"
            self.necks[name] = build_neck(cfg, f'neck {name!r}', maps['backbone'], source)
            maps[name] = maps_of(self.necks[name], maps['backbone'])

        self.head_of = {task.name: self._head_key(task, heads) for task in self.tasks.values()}
        for key in heads.keys() - self.tasks.keys() - set(TASK_TYPES):
            print_log(f'head {key!r} is not built: it is named after no task', 'current', logging.WARNING)
        if own_heads:
            heads = {name: only_for_task(heads[key], name) for name, key in self.head_of.items()}
            self.head_of = {name: name for name in heads}
        self.source_of = {}
        self.heads = nn.ModuleDict()
        for key, cfg in heads.items():
            served = [task for task in self.tasks.values() if self.head_of[task.name] == key]
            if served:  # a table without tasks of a type needs no head for it
                source = self.source_of[key] = self._source_key(key, sources or {})
                cfg = fit(wrap_foreign_head(cfg), f'head {key!r}', self._maps_of(source, maps), repr(source))
                self.heads[key] = MODELS.build(cfg | dict(tasks=served))
        self.adapters = nn.ModuleDict()
        if adapter is not None:
            for name, key in self.head_of.items():
                reads = dict(in_channels=maps[self.source_of[key]].channels, in_index=self.heads[key].in_index)
                self.adapters[name] = build_in_scope(adapter | reads)
        self.channels_last = channels_last
        if channels_last:
            self.to(memory_format=torch.channels_last)
        self._frozen = freeze(dict(self.named_children()), frozen)
        protect_statistics(self)

        self.guard = NonFiniteGuard(list(self.tasks.values()), max_nonfinite)
        self.tracker = TaskLossTracker(list(self.tasks.values()), ema_momentum)
        self.balancer = MODELS.build((balancer or dict(type=LossBalancer)) | dict(tasks=list(self.tasks.values())))

    @staticmethod
    def _head_key(task: Task, heads: Mapping[str, dict]) -> str:
        for key in (task.name, task.type):
            if key in heads:
                return key
        raise ConfigError(f'no head for task {task.name!r} of type {task.type!r}; heads are {", ".join(heads)}')

    def _source_key(self, key: str, sources: Mapping[str, str]) -> str:
        for name in (key, self.tasks[key].type if key in self.tasks else None):
            if name in sources:
                return sources[name]
        # Not 'the first neck' of several: MMEngine sorts the keys of the configs that it keeps in checkpoints.
        if len(self.necks) > 1:
            raise ConfigError(f'sources must say which of the necks {", ".join(self.necks)} the head {key!r} reads')
        return next(iter(self.necks), 'backbone')

    @staticmethod
    def _maps_of(source: str, maps: Mapping[str, Maps]) -> Maps:
        if source not in maps:
            raise ConfigError(f'no neck named {source!r}; sources are {", ".join(map(repr, maps))}')
        return maps[source]

    def init_weights(self) -> None:
        """As MMEngine has it, which does not look into the containers of necks and heads."""
        super().init_weights()
        for part in (*self.necks.values(), *self.heads.values(), *self.adapters.values()):
            if needs_init_weights(part):
                part.init_weights()

    def train(self, mode: bool = True) -> MultiTaskModel:
        """As torch has it, but frozen parts stay in eval mode."""
        super().train(mode)
        for part in self._frozen:
            part.eval()
        return self

    def extract_feat(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Maps ``(B, C_i, h_i, w_i)`` of the detail branch, if there is one, and of the encoder.

        Args:
            inputs: ``(B, 3, h, w)``, normalised.

        Raises:
            ConfigError: If the encoder would pad the images: coordinates are normalised by the sides of the input.
        """
        h, w = inputs.shape[-2:]
        divisor = getattr(self.backbone, 'size_divisor', 1)
        if h % divisor or w % divisor:
            raise ConfigError(
                f'input of {h} x {w} pixels; {type(self.backbone).__name__} takes multiples of {divisor} here'
            )
        if self.channels_last:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        details = () if self.detail is None else self.detail(inputs)
        maps = (*details, *self.backbone(inputs))
        return tuple(m.contiguous(memory_format=torch.channels_last) for m in maps) if self.channels_last else maps

    def forward(
        self, inputs: Tensor, data_samples: Sequence[MultiTaskDataSample] | None = None, mode: str = 'tensor'
    ) -> dict[str, Any] | list[MultiTaskDataSample] | tuple[Tensor, ...]:
        """As MMEngine has it.

        Args:
            inputs: ``(B, 3, h, w)``, normalised.
            data_samples: One an image; the tasks of its task samples are what is asked of it. The image is encoded
                once for all of them.
            mode: 'loss', 'predict', or 'tensor': raw head outputs by task, or without data samples the maps.
        """
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        if mode != 'tensor':
            raise ValueError(f"mode {mode!r} is none of 'loss', 'predict', 'tensor'")
        maps = self.extract_feat(inputs)
        if data_samples is None:
            return maps
        outputs = {}
        for head, feats, batches in self._head_inputs(maps, data_samples):
            for batch, output in zip(batches, head.task_outputs(feats, batches), strict=True):
                outputs[batch.task.name] = output
        return {name: outputs[name] for name in self.tasks if name in outputs}

    def loss(self, inputs: Tensor, data_samples: Sequence[MultiTaskDataSample]) -> dict[str, Tensor]:
        """Compute one weighted loss for each task type in the batch; their sum is what is minimised.

        It is the sum of the losses of all labels, each times its task's weight, divided by the number of images. Heads
        compute the loss of a label from its own image alone, so equal batches on several ranks, or accumulated one
        after the other, give the gradient of one large batch, however their labels are spread.

        A loss that is not finite counts as 0; its gradient may not be finite all the same, and
        :func:`drop_nonfinite_gradients` sees to that. Nothing is read back to the host.
        """
        maps = self.extract_feat(inputs)
        values = self._label_losses(maps, data_samples)
        finite = {name: loss.isfinite() for name, (loss, _) in values.items()}
        self.guard.note({name: (finite[name], samples) for name, (_, samples) in values.items()})
        means, counts = {}, {}
        for name, (loss, _) in values.items():
            counts[name] = finite[name].sum()
            means[name] = loss.where(finite[name], 0).sum() / counts[name].clamp(min=1)
        self.tracker.add(means, counts)
        by_type: dict[str, Tensor] = {}
        for name, loss in self.balancer(means, self.tracker).items():
            key = f'loss_{self.tasks[name].type}'
            by_type[key] = by_type.get(key, 0) + loss * (counts[name] / len(inputs))
        return by_type or dict(loss_nothing=self._nothing(maps))

    def _label_losses(
        self, maps: Sequence[Tensor], data_samples: Sequence[MultiTaskDataSample]
    ) -> dict[str, tuple[Tensor, list[TaskDataSample]]]:
        """The loss of each label, ``(n,)`` by task in the order of the table, and the samples they belong to."""
        losses = {}
        for head, feats, batches in self._head_inputs(maps, data_samples):
            for batch, terms in zip(batches, head.loss(feats, batches), strict=True):
                if terms:  # else there is nothing to learn from these images
                    total = sum(terms.values())
                    losses[batch.task.name] = total.expand(len(batch.samples)), batch.samples
        return {name: losses[name] for name in self.tasks if name in losses}

    def train_step(self, data: dict | tuple | list, optim_wrapper: OptimWrapper) -> dict[str, Tensor]:
        """As MMEngine has it, with the optimiser connected."""
        self.connect(optim_wrapper.optimizer)
        return super().train_step(data, optim_wrapper)

    def connect(self, optimizer: Optimizer) -> None:
        """Have the optimiser drop gradients that are not finite, and tell tracker and balancer of every update.

        The tracker and the balancer then take in all batches, of all ranks, that led to the update. Between updates no
        weight of a loss changes. Wrappers such as DistributedDataParallel do not call :meth:`train_step`, so
        :class:`aurora_mm.engine.MultiTaskHook` connects the optimiser before training. The second call does nothing.
        """
        if getattr(optimizer, 'connected_to', None) is self:
            return
        optimizer.connected_to = self
        optimizer.register_step_pre_hook(_drop_nonfinite)
        optimizer.register_step_post_hook(self._after_update)

    def _after_update(self, optimizer: Optimizer, args: tuple, kwargs: dict) -> None:
        self.tracker.update()
        self.balancer.observe(self.tracker)

    def _nothing(self, maps: Sequence[Tensor]) -> Tensor:
        """A loss of 0 for a backward pass, which needs something that learns."""
        nothing = sum(level.sum() for level in maps) * 0
        return nothing if nothing.requires_grad else next(p for p in self.parameters() if p.requires_grad).sum() * 0

    @torch.no_grad()
    def predict(self, inputs: Tensor, data_samples: Sequence[MultiTaskDataSample]) -> list[MultiTaskDataSample]:
        """Return the samples, in their order, with predictions in pixels of the original images."""
        for head, feats, batches in self._head_inputs(self.extract_feat(inputs), data_samples):
            head.predict(feats, batches)
        for sample in task_samples_of(data_samples):
            task = self.tasks[sample.task]
            if sample.get('flip') and task.swaps:
                prediction_of(task.type).unflip(sample, task)
        return list(data_samples)

    def _head_inputs(
        self, maps: Sequence[Tensor], data_samples: Sequence[MultiTaskDataSample]
    ) -> Iterator[tuple[BaseTaskHead, Sequence[Tensor], list[TaskBatch]]]:
        """Each call of a head: the head, the maps that it reads, and the tasks that are asked with their images.

        A neck runs once, on the images of all tasks whose heads read it, and a head once, on the images of all of its
        tasks. Behind adapters, which change the maps for a task, it runs once for each.
        """
        asked = self._by_task(data_samples)
        rows_of_source: dict[str, set[int]] = {}
        for name, (rows, _) in asked.items():
            rows_of_source.setdefault(self.source_of[self.head_of[name]], set()).update(rows)
        levels = {}
        for source, rows in rows_of_source.items():
            levels[source] = _take(maps, sorted(rows))
            if source != 'backbone':
                levels[source] = self.necks[source](levels[source])
        for key, head in self.heads.items():
            of_head = {name: found for name, found in asked.items() if self.head_of[name] == key}
            if not of_head:
                continue
            source = self.source_of[key]
            places = sorted(rows_of_source[source])
            groups = [{name: found} for name, found in of_head.items()] if self.adapters else [of_head]
            for group in groups:
                rows = sorted({row for found, _ in group.values() for row in found})
                feats = _take(levels[source], [places.index(row) for row in rows])
                batches = [
                    TaskBatch(self.tasks[name], _index([rows.index(row) for row in found], len(rows), feats), samples)
                    for name, (found, samples) in group.items()
                ]
                if self.adapters:
                    feats = self.adapters[next(iter(group))](feats)
                yield head, feats, batches

    def _by_task(
        self, data_samples: Sequence[MultiTaskDataSample]
    ) -> dict[str, tuple[list[int], list[TaskDataSample]]]:
        """The batch's tasks in table order, each with the positions of its images and with their samples."""
        found: dict[str, tuple[list[int], list[TaskDataSample]]] = {}
        for row, image in enumerate(data_samples):
            for sample in image:
                if sample.task not in self.tasks:
                    raise ConfigError(
                        f'{sample.get("img_path")} asks for task {sample.task!r}, which the model was not built for; '
                        f'its tasks are {", ".join(self.tasks)}'
                    )
                rows, samples = found.setdefault(sample.task, ([], []))
                rows.append(row)
                samples.append(sample)
        return {name: found[name] for name in self.tasks if name in found}


def _drop_nonfinite(optimizer: Optimizer, args: tuple, kwargs: dict) -> None:
    drop_nonfinite_gradients(p for group in optimizer.param_groups for p in group['params'])


def _index(rows: list[int], count: int, maps: Sequence[Tensor]) -> Tensor | None:
    """``rows`` as an index on the device of the maps, or None where they are all of ``count`` in their order."""
    if rows == list(range(count)):
        return None
    return torch.tensor(rows).to(maps[0].device, non_blocking=True)


def _take(maps: Sequence[Tensor], rows: list[int]) -> Sequence[Tensor]:
    """Some images' part of maps of a batch; the maps themselves where that is all."""
    index = _index(rows, len(maps[0]), maps)
    return maps if index is None else [m.index_select(0, index) for m in maps]


def _by_name(neck: dict | None) -> dict[str, dict]:
    if neck is None:
        return {}
    named = {'neck': neck} if 'type' in neck else dict(neck)
    if reserved := {'backbone', *TASK_TYPES} & named.keys():
        raise ConfigError(f'a neck cannot be named {", ".join(reserved)}')
    return named
