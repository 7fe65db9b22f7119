"""The base of heads that run a dense head or a whole detector of mmdet."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from mmengine.logging import MessageHub
from mmengine.model import ModuleDict
from mmengine.structures import InstanceData
from torch import Tensor, nn

from aurora_mm.errors import ConfigError
from aurora_mm.models.heads.base_task_head import BaseTaskHead, require_network_coordinates
from aurora_mm.models.utils.original_coordinates import boxes_to_original
from aurora_mm.structures import TaskBatch, TaskDataSample
from aurora_mm.tasks import Task


class BaseMMDetHead(BaseTaskHead):
    """A head that runs one module of mmdet for each task, or one for all tasks.

    Legend: n images of a task.

    Args:
        tasks: See :class:`BaseTaskHead`.
        in_channels: See :class:`BaseTaskHead`.
        kind: Type of the module in its config, for error messages.
        in_index: Indices of the levels that the modules read, in this order; all by default.
        shared: Whether one module serves all tasks; it has as many classes as the task with most.

    Raises:
        ConfigError: If a task is none of boxes.
    """

    task_type = 'detection'
    also_serves = ('multi_object_detection',)

    def __init__(
        self,
        tasks: Sequence[Task | dict],
        in_channels: Sequence[int],
        kind: str,
        in_index: Sequence[int] | None = None,
        shared: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        for task in map(Task.from_config, tasks):
            if task.type not in (self.task_type, *self.also_serves):
                raise ConfigError(
                    f'{kind} cannot be a head of {task.type} task {task.name!r}: it finds boxes, and its masks, if it '
                    'has some, are of single objects; mmdet.Mask2Former and the heads of mmseg give each pixel a class'
                )
        super().__init__(tasks, in_channels, init_cfg)
        self.in_index = list(range(len(in_channels)) if in_index is None else in_index)
        self.shared = shared
        self.heads = ModuleDict()

    def build_heads(self, build: Callable[[int], nn.Module]) -> None:
        """Build the module of each task, or the one that all tasks share.

        Args:
            build: Builds a module for a number of classes.
        """
        counts = {task.name: task.num_outputs for task in self.tasks}
        if self.shared:
            counts = dict(all=max(counts.values()))
        self.heads.update({name: build(count) for name, count in counts.items()})

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
                    name: sum(value) if isinstance(value, Sequence) else value
                    for name, value in terms.items()
                    if 'loss' in name
                }
            )
        return losses

    def predict(self, feats: Sequence[Tensor], batches: Sequence[TaskBatch]) -> None:
        """Set ``pred_instances``: boxes, xyxy in original pixels, by falling score; there may be none."""
        for batch, levels in self._levels(feats, batches):
            found = self.boxes_of(self._head(batch.task), levels, batch.samples)
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
            yield batch, [batch.take(level) for level in self(feats)]

    def _head(self, task: Task) -> nn.Module:
        return self.heads['all' if self.shared else task.name]


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
