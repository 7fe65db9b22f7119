"""AURORA: one encoder, a light pyramid, and a small head for each type of task.

Read this file first: an image goes encoder -> neck -> (adapter and) head of its task -> loss (or prediction), and the
losses of the tasks go through the balancer.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModel
from torch import Tensor, nn

from aurora_mm.errors import ConfigError
from aurora_mm.models.balancers import LossBalancer, TaskLossTracker
from aurora_mm.models.utils.build import Maps, build_in_scope, fit, maps_of, needs_init_weights, wrap_foreign_head
from aurora_mm.models.utils.flip import unflip_predictions
from aurora_mm.models.utils.freeze import freeze
from aurora_mm.models.utils.nonfinite_guard import NonFiniteGuard
from aurora_mm.registry import MODELS
from aurora_mm.structures import MultiTaskDataSample
from aurora_mm.tasks import TASK_TYPES, Task, TaskTable


@MODELS.register_module()
class MultiTaskModel(BaseModel):
    """One model for many tasks of four types.

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
        max_nonfinite: How many losses that are not finite a run bears, over all tasks and ranks; see :meth:`loss`.
        data_preprocessor: Config; see MMEngine's ``ImgDataPreprocessor``.

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
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        self.tasks = TaskTable(tasks)
        self.backbone = build_in_scope(backbone)
        self.detail = None if detail is None else build_in_scope(detail)
        maps = {'backbone': maps_of(self.backbone)}
        if self.detail is not None:
            maps['backbone'] = Maps(*(a + b for a, b in zip(maps_of(self.detail), maps['backbone'], strict=True)))
        self.necks = nn.ModuleDict()
        for name, cfg in _by_name(neck).items():
            cfg = fit(cfg, f'neck {name!r}', maps['backbone'], f"'backbone' ({type(self.backbone).__name__})")
            self.necks[name] = build_in_scope(cfg)
            maps[name] = maps_of(self.necks[name], maps['backbone'])

        self.head_of = {task.name: self._head_key(task, heads) for task in self.tasks.values()}
        for key in heads.keys() - self.tasks.keys() - set(TASK_TYPES):
            print_log(f'head {key!r} is not built: it is named after no task', 'current', logging.WARNING)
        if own_heads:
            heads = {name: heads[key] for name, key in self.head_of.items()}
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
        self._frozen = freeze(dict(self.named_children()), frozen)

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
        """
        details = () if self.detail is None else self.detail(inputs)
        return (*details, *self.backbone(inputs))

    def forward(
        self, inputs: Tensor, data_samples: Sequence[MultiTaskDataSample] | None = None, mode: str = 'tensor'
    ) -> dict[str, Tensor] | list[MultiTaskDataSample] | tuple[Tensor, ...] | dict[str, tuple | Tensor]:
        """As MMEngine has it.

        Args:
            inputs: ``(B, 3, h, w)``, normalised. data_samples: One an image; their ``task`` picks the head. Their
                ``others`` are what further tasks have to say about the same image, which is encoded once.
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
        return {
            task.name: self.heads[self.head_of[task.name]](feats, task)
            for task, _, feats in self._features(maps, data_samples)
        }

    def loss(self, inputs: Tensor, data_samples: Sequence[MultiTaskDataSample]) -> dict[str, Tensor]:
        """One weighted loss for each task type in the batch; their sum is what is minimised.

        Each task counts by its share of the batch's labels, so a batch of one task has that task's loss. A task whose
        loss is not finite is left out, and the step goes on as if its images had not been in the batch.

        Raises:
            AuroraError: If more than ``max_nonfinite`` losses were not finite, naming the task and its images.
        """
        maps = self.extract_feat(inputs)
        losses, counts, problems = {}, {}, {}
        for task, samples, feats in self._features(maps, data_samples):
            terms = self.heads[self.head_of[task.name]].loss(feats, samples, task)
            if not terms:  # nothing to learn from these images
                continue
            losses[task.name] = sum(terms.values())
            counts[task.name] = len(samples)
            if not losses[task.name].isfinite():
                values = ', '.join(f'{key} {value.item():g}' for key, value in terms.items())
                images = ', '.join(str(sample.get('img_path')) for sample in samples)
                problems[task.name] = f'loss of task {task.name!r} is not finite ({values}) on {images}'
        if self.guard.any(problems):
            self.guard.report(problems)
            # To drop the loss is not enough: backwards, an activation that is NaN makes NaN of a gradient of 0. All
            # ranks go again, so that none waits for another; one that has no image left takes a blank one.
            rows = [i for i, one in enumerate(data_samples) if not any(s.task in problems for s in _samples_of(one))]
            del maps, losses
            return self.loss(
                inputs[rows] if rows else torch.zeros_like(inputs[:1]), [data_samples[row] for row in rows]
            )
        self.tracker.update(losses, counts)
        by_type = {}
        for name, loss in self.balancer(losses, self.tracker).items():
            key = f'loss_{self.tasks[name].type}'
            by_type[key] = by_type.get(key, 0) + loss * (counts[name] / sum(counts.values()))
        return by_type or dict(loss_nothing=self._nothing(maps))

    def _nothing(self, maps: Sequence[Tensor]) -> Tensor:
        """A loss of 0 for a backward pass, which needs something that learns."""
        nothing = sum(level.sum() for level in maps) * 0
        return nothing if nothing.requires_grad else next(p for p in self.parameters() if p.requires_grad).sum() * 0

    @torch.no_grad()
    def predict(self, inputs: Tensor, data_samples: Sequence[MultiTaskDataSample]) -> list[MultiTaskDataSample]:
        """The samples, in their order, with predictions in pixels of the original images."""
        maps = self.extract_feat(inputs)
        for task, samples, feats in self._features(maps, data_samples):
            self.heads[self.head_of[task.name]].predict(feats, samples, task)
            for sample in samples:
                if sample.get('flip'):
                    unflip_predictions(sample, task)
        return list(data_samples)

    def _by_task(
        self, data_samples: Sequence[MultiTaskDataSample]
    ) -> list[tuple[Task, list[int], list[MultiTaskDataSample]]]:
        """The batch's tasks in table order, each with the positions of its images and with their samples."""
        found: dict[str, tuple[list[int], list[MultiTaskDataSample]]] = {}
        for row, image in enumerate(data_samples):
            for sample in _samples_of(image):
                if sample.task not in self.tasks:
                    raise ConfigError(
                        f'{sample.get("img_path")} asks for task {sample.task!r}, which the model was not built for; '
                        f'its tasks are {", ".join(self.tasks)}'
                    )
                rows, samples = found.setdefault(sample.task, ([], []))
                rows.append(row)
                samples.append(sample)
        return [(task, *found[name]) for name, task in self.tasks.items() if name in found]

    def _features(
        self, maps: Sequence[Tensor], data_samples: Sequence[MultiTaskDataSample]
    ) -> Iterator[tuple[Task, list[MultiTaskDataSample], Sequence[Tensor]]]:
        """Each task of the batch, its samples, and what its head reads of their images.

        A neck runs once, on the images of all tasks whose heads read it.
        """
        groups = self._by_task(data_samples)
        readers: dict[str, list[int]] = {}
        for task, rows, _ in groups:
            readers.setdefault(self.source_of[self.head_of[task.name]], []).extend(rows)
        levels = {}
        for source, rows in readers.items():
            readers[source] = rows = sorted(set(rows))
            levels[source] = _take(maps, rows)
            if source != 'backbone':
                levels[source] = self.necks[source](levels[source])
        for task, rows, samples in groups:
            source = self.source_of[self.head_of[task.name]]
            feats = _take(levels[source], [readers[source].index(row) for row in rows])
            yield task, samples, self.adapters[task.name](feats) if self.adapters else feats


def _samples_of(image: MultiTaskDataSample) -> list[MultiTaskDataSample]:
    """An image's sample and those of other tasks that came along."""
    return [image, *image.get('others', [])]


def _take(maps: Sequence[Tensor], rows: list[int]) -> Sequence[Tensor]:
    """Some images' part of maps of a batch; the maps themselves where that is all."""
    return maps if rows == list(range(len(maps[0]))) else [m[rows] for m in maps]


def _by_name(neck: dict | None) -> dict[str, dict]:
    if neck is None:
        return {}
    named = {'neck': neck} if 'type' in neck else dict(neck)
    if reserved := {'backbone', *TASK_TYPES} & named.keys():
        raise ConfigError(f'a neck cannot be named {", ".join(reserved)}')
    return named
