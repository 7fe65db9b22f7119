"""The base of heads that run a dense head or a whole detector of mmdet."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.logging import MessageHub
from mmengine.model import ModuleDict
from mmengine.structures import InstanceData
from torch import Tensor, nn

from aurora_mm.errors import ConfigError
from aurora_mm.models.heads.base_task_head import BaseTaskHead, require_network_coordinates
from aurora_mm.models.heads.foreign_trial import try_head
from aurora_mm.models.utils.build import foreign_class
from aurora_mm.models.utils.finite_outputs import note_finite_outputs
from aurora_mm.models.utils.original_coordinates import boxes_to_original
from aurora_mm.models.utils.resample_cells import resample_cells
from aurora_mm.structures import TaskBatch, TaskDataSample
from aurora_mm.tasks import Task


class BaseMMDetHead(BaseTaskHead):
    """A head that runs one module of mmdet for each task, or one for all tasks.

    Modules of mmdet expect cell i of a level at pixel ``i * stride``. Levels whose cells cover exactly an image that is
    no multiple of their stride are resampled, except for detection transformers, whose queries lie relative to the map.

    Legend: n images of a task.

    Args:
        tasks: See :class:`BaseTaskHead`.
        in_channels: See :class:`BaseTaskHead`.
        cfg: Config of the module, ``type='mmdet.X'``.
        in_index: Indices of the levels that the modules read, in this order; all by default.
        in_strides: Input pixels per cell of each map.
        maps_fit_image: Whether the cells of each map cover exactly the image, see :class:`TokenPyramid`.
        shared: Whether one module serves all tasks. It has as many classes as the task with most, and class 0 of all
            tasks is one class. A task's predictions are those of its classes.
        init_cfg: See :class:`BaseTaskHead`.

    Raises:
        ConfigError: If a task is none of boxes, or the module does not fit the maps or tasks it is given.
    """

    task_type = 'detection'
    also_serves = ('multi_object_detection',)

    def __init__(
        self,
        tasks: Sequence[Task | dict[str, Any]],
        in_channels: Sequence[int],
        cfg: dict[str, Any],
        in_index: Sequence[int] | None = None,
        in_strides: Sequence[int] | None = None,
        maps_fit_image: bool = False,
        shared: bool = False,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        for task in map(Task.from_config, tasks):
            if task.type not in (self.task_type, *self.also_serves):
                raise ConfigError(
                    f'{cfg["type"]} cannot be a head of {task.type} task {task.name!r}: it finds boxes, and its masks, '
                    'if it has some, are of single objects; mmdet.Mask2Former and the heads of mmseg give each pixel a '
                    'class'
                )
        super().__init__(tasks, in_channels, init_cfg)
        self.in_index = list(range(len(in_channels)) if in_index is None else in_index)
        self.strides = None if in_strides is None else [in_strides[i] for i in self.in_index]
        self.maps_fit_image = maps_fit_image
        self.shared = shared
        counts = {task.name: task.num_outputs for task in self.tasks}
        if shared:
            counts = dict(all=max(counts.values()))
        widths = [in_channels[i] for i in self.in_index]
        self.heads = ModuleDict(
            {name: self.build_module(cfg, count, widths, self.strides) for name, count in counts.items()}
        )
        try_head(self, cfg['type'], in_strides)

    @staticmethod
    @abstractmethod
    def build_module(
        cfg: dict[str, Any], num_classes: int, widths: Sequence[int], strides: Sequence[int] | None
    ) -> nn.Module:
        """Build the module of a task.

        Args:
            cfg: Config of the module; it is not changed.
            num_classes: Number of classes, without background.
            widths: Channels of each level that the module reads.
            strides: Input pixels per cell of each of these levels; None if unknown.

        Raises:
            ConfigError: If the module does not fit.
        """

    def outputs_of(self, head: nn.Module, levels: list[Tensor], samples: Sequence[TaskDataSample]) -> Any:
        """Return the raw outputs of a module; arguments as in :meth:`losses_of`."""
        return head(levels)

    @abstractmethod
    def losses_of(self, head: nn.Module, levels: list[Tensor], samples: Sequence[TaskDataSample]) -> dict[str, Any]:
        """Compute the module's own losses by name, each a scalar or a list over levels.

        Args:
            head: The module of one task.
            levels: Maps ``(n, C, h, w)`` of the task's images, those of ``in_index``.
            samples: The n samples of the task, with annotations in network coordinates.
        """

    @abstractmethod
    def boxes_of(
        self, head: nn.Module, levels: list[Tensor], samples: Sequence[TaskDataSample]
    ) -> Sequence[InstanceData]:
        """Predict ``bboxes`` (xyxy in network pixels), ``scores`` and ``labels`` of each image."""

    def forward(self, feats: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return the levels that the modules read; tasks share no layer unless they share the whole module."""
        return tuple(feats[i] for i in self.in_index)

    def task_outputs(self, feats: Sequence[Tensor], batches: Sequence[TaskBatch]) -> list[Any]:
        """Return the raw outputs of each task's module, as lists over levels."""
        return [
            self.outputs_of(self._head(batch.task), levels, batch.samples)
            for batch, levels in self._levels(feats, batches)
        ]

    def loss(self, feats: Sequence[Tensor], batches: Sequence[TaskBatch]) -> list[dict[str, Tensor]]:
        """Compute the modules' own losses, each summed over levels: scalars, because mmdet averages over the batch."""
        losses = []
        for batch, levels in self._levels(feats, batches):
            require_network_coordinates(batch.samples)
            with _ensure_epoch():
                terms = self.losses_of(self._head(batch.task), levels, batch.samples)
            losses.append(
                {
                    name: functools.reduce(torch.add, value) if isinstance(value, Sequence) else value
                    for name, value in terms.items()
                    if 'loss' in name
                }
            )
        return losses

    def predict(self, feats: Sequence[Tensor], batches: Sequence[TaskBatch]) -> None:
        """Set ``pred_instances``: boxes, xyxy in original pixels, by falling score; there may be none."""
        for batch, levels in self._levels(feats, batches):
            found = self.boxes_of(self._head(batch.task), levels, batch.samples)
            note_finite_outputs(levels, batch.samples)  # boxes whose scores are nan are not among those found
            self.predict_by_feat(found, batch.samples, batch.task)

    def loss_by_feat(self, output: Any, data_samples: Sequence[TaskDataSample], task: Task) -> dict[str, Tensor]:
        """Raise NotImplementedError: a module of mmdet computes its losses from the levels, see :meth:`loss`."""
        raise NotImplementedError('a part of mmdet computes its losses from the levels')

    def predict_by_feat(
        self, output: Sequence[InstanceData], data_samples: Sequence[TaskDataSample], task: Task
    ) -> None:
        """Set ``pred_instances``, see :meth:`predict`; ``output`` holds boxes in network coordinates."""
        for sample, instances in zip(data_samples, output, strict=True):
            instances = instances[instances.labels < task.num_outputs]
            instances = instances[instances.scores.argsort(descending=True)]
            sample.pred_instances = InstanceData(
                bboxes=boxes_to_original(instances.bboxes, sample.homography_matrix, sample.ori_shape),
                scores=instances.scores,
                labels=instances.labels,
            )

    def _levels(
        self, feats: Sequence[Tensor], batches: Sequence[TaskBatch]
    ) -> Iterator[tuple[TaskBatch, list[Tensor]]]:
        for batch in batches:
            levels = [batch.take(level) for level in self(feats)]
            relative = isinstance(self._head(batch.task), foreign_class('mmdet.DetectionTransformer'))
            if self.maps_fit_image and self.strides is not None and batch.samples and not relative:
                size = batch.samples[0].img_shape
                levels = [_beginning_at_strides(*pair, size) for pair in zip(levels, self.strides, strict=True)]
            yield batch, levels

    def _head(self, task: Task) -> nn.Module:
        return self.heads['all' if self.shared else task.name]


def _beginning_at_strides(level: Tensor, stride: int, size: tuple[int, int]) -> Tensor:
    """Resample a level whose cells cover exactly an image of ``size``, so that cell i begins at ``i * stride``."""
    rows, columns = level.shape[-2:]
    if (rows * stride, columns * stride) == tuple(size):
        return level
    return resample_cells(level, (size[0] / rows, size[1] / columns), (stride, stride), (rows, columns))


@contextmanager
def _ensure_epoch() -> Iterator[None]:
    """Set the epoch to 0 where no runner has set one: the losses of TOOD read it."""
    hub = MessageHub.get_current_instance()
    unknown = hub.get_info('epoch') is None
    if unknown:
        hub.update_info('epoch', 0)
    try:
        yield
    finally:
        if unknown:
            hub.pop_info('epoch')
