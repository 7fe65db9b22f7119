"""The interface between the model and its heads."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from mmengine.model import BaseModule
from torch import Tensor

from aurora_mm.errors import ConfigError
from aurora_mm.models.heads.tasks_alike import alike_key, takes_tasks_alike
from aurora_mm.models.losses import ClassLoss, HeadLoss
from aurora_mm.models.utils.finite_outputs import note_finite_outputs
from aurora_mm.models.utils.tensor_like import tensor_like
from aurora_mm.structures import TaskBatch, TaskDataSample
from aurora_mm.tasks import Task

Loss = TypeVar('Loss', bound=HeadLoss)


class BaseTaskHead(BaseModule, metaclass=ABCMeta):
    """The base of all heads. One head serves all tasks of one task type, or some of them.

    :meth:`forward` runs once for all images of the batch. Then each task has its own last layer, see
    :class:`TaskOutputs`; a subclass keeps them in the attribute ``outputs``.

    Args:
        tasks: The tasks that the head serves, all of type :attr:`task_type` or a type in :attr:`also_serves`.
        in_channels: Channels of each map that the head is given, finest first.
        init_cfg: Config of the initialisation, see MMEngine's ``BaseModule``.

    Attributes:
        task_type (str): The type of the tasks that the head can serve.
        reads_class_weight (bool): Whether the losses of the head weigh classes by the ``class_weight`` of a task.
        also_serves (tuple[str, ...]): Further types of tasks that it can serve.
        in_index (list[int]): Indices of the maps that the head reads, counted from 0; all maps by default.

    Raises:
        ConfigError: If there is no task, or one of another type, or one with a ``class_weight`` that the head does not
            read.
    """

    task_type: str
    reads_class_weight = False
    also_serves: tuple[str, ...] = ()

    def __init__(
        self,
        tasks: Sequence[Task | dict[str, Any]],
        in_channels: Sequence[int],
        init_cfg: dict[str, Any] | list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.tasks = [Task.from_config(task) for task in tasks]
        self.in_channels = list(in_channels)
        self.in_index = list(range(len(self.in_channels)))
        wrong = [task for task in self.tasks if task.type not in (self.task_type, *self.also_serves)]
        if wrong or not self.tasks:
            given = ', '.join(f'{task.name} ({task.type})' for task in wrong) or 'no task'
            raise ConfigError(f'{type(self).__name__} serves {self.task_type} tasks and was given {given}')
        if not self.reads_class_weight:
            self.refuse_class_weight(f'{type(self).__name__} does not weigh classes')

    def refuse_class_weight(self, reason: str) -> None:
        """Raise an error if a task has a ``class_weight``, because it would have no effect.

        Args:
            reason: Why it has none.

        Raises:
            ConfigError: If a task has one.
        """
        for task in self.tasks:
            if task.class_weight:
                raise ConfigError(f'class_weight of task {task.name!r} would have no effect: {reason}')

    def build_loss(self, kind: type[Loss], argument: str, cfg: dict[str, Any], **settings: Any) -> Loss:
        """Build the loss of one argument of the head.

        Args:
            kind: The class that calls losses of this kind, such as :class:`ClassLoss`.
            argument: Name of the argument, for error messages.
            cfg: Config of the loss.
            settings: Further arguments of ``kind``.

        Raises:
            ConfigError: If the loss cannot be built or does not fit.
        """
        return kind(cfg, self.tasks, type(self).__name__, argument, **settings)

    def build_optional_loss(
        self, kind: type[Loss], argument: str, cfg: dict[str, Any] | None, **settings: Any
    ) -> Loss | None:
        """Build a loss that the head can do without: None if ``cfg`` is None; otherwise as :meth:`build_loss`."""
        return None if cfg is None else self.build_loss(kind, argument, cfg, **settings)

    def require_one_of(self, **losses: dict[str, Any] | None) -> None:
        """Check that a head has at least one loss.

        Args:
            losses: Configs of the losses by argument, None where there is none.

        Raises:
            ConfigError: If all the losses are None.
        """
        if all(cfg is None for cfg in losses.values()):
            raise ConfigError(f'{type(self).__name__} needs one of the losses {", ".join(losses)}')

    def require_weighed(self, **losses: dict[str, Any] | None) -> None:
        """Check that one of the losses of classes takes a ``class_weight``, if a task has one.

        Args:
            losses: Configs of the losses by argument, None where there is none.

        Raises:
            ConfigError: If a task has one, and none of the losses takes it.
        """
        given = {argument: cfg for argument, cfg in losses.items() if cfg is not None}
        if not any(ClassLoss.takes_class_weight(cfg) for cfg in given.values()):
            names = ' and '.join(f'{argument} ({cfg["type"]})' for argument, cfg in given.items())
            self.refuse_class_weight(f'{names} of {type(self).__name__} takes none; mmdet.CrossEntropyLoss does')

    @property
    def needs_annotations(self) -> bool:
        """Whether :meth:`fit_annotations` must be called before training; False by default."""
        return False

    def fit_annotations(self, items: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Compute what the head must know of all training annotations; by default nothing.

        Args:
            items: Items of the training set by task name.
        """

    @abstractmethod
    def forward(self, feats: Sequence[Tensor]) -> Tensor | tuple[Tensor, ...]:
        """Compute the features that all tasks share, once for all images of the batch.

        Args:
            feats: Maps ``(B, in_channels[i], h_i, w_i)``, finest first.

        Returns:
            ``(B, C, ...)``, the input of :attr:`outputs`. A head whose tasks share no layer returns the maps that it
            reads.
        """

    @abstractmethod
    def loss_by_feat(self, output: Any, data_samples: Sequence[TaskDataSample], task: Task) -> dict[str, Tensor]:
        """Compute the losses of one task.

        Args:
            output: The task's entry of :meth:`task_outputs`, for the n images of ``data_samples``.
            data_samples: The samples of the task, with annotations in network coordinates.
            task: The task. A method that is marked by :func:`for_tasks_alike` gets the images of all tasks that are
                alike, and one of them as the task.

        Returns:
            Losses by name, ``(n,)`` each: one value for each image, which does not depend on the other images. A
            foreign head that cannot separate the images gives a scalar, their mean.
        """

    @abstractmethod
    def predict_by_feat(self, output: Any, data_samples: Sequence[TaskDataSample], task: Task) -> None:
        """Set the predictions of one task in its samples, in pixels of the original image.

        Args:
            output: The task's entry of :meth:`task_outputs`, for the n images of ``data_samples``.
            data_samples: The samples of the task; predictions are set in them.
            task: The task.
        """

    def tensors_by_feat(self, output: Any, task: Task, ori_shape: tuple[int, int]) -> dict[str, Tensor]:
        """Compute the predictions of one task as tensors, for export to formats that have no data samples.

        The predictions are those of :meth:`predict_by_feat` for images that were scaled to the network input, neither
        flipped nor letterboxed. Shapes must not depend on values, and the batch size may be symbolic.

        Args:
            output: The task's entry of :meth:`task_outputs`, for B images of one size.
            task: The task.
            ori_shape: (height, width) of the original images, H x W pixels, which may be symbolic.

        Returns:
            Tensors by name: ``probs`` (B, C); ``mask`` (B, H, W) uint8; ``class_masks`` (B, C, H, W) uint8; ``boxes``
            (B, N, 4), ``scores`` (B, N), ``labels`` (B, N) and ``count`` (B,), of which the first ``count`` are boxes;
            or ``points`` (B, K, 2). Coordinates are original pixels. A head of another type may choose other names.

        Raises:
            ConfigError: If predictions of this head cannot be exported.
        """
        raise ConfigError(
            f'task {task.name!r} cannot be exported: its head {type(self).__name__} has no method tensors_by_feat'
        )

    def task_outputs(self, feats: Sequence[Tensor], batches: Sequence[TaskBatch]) -> list[Any]:
        """Compute the raw outputs of each task for its images: first the shared features, then the last layers."""
        return self.outputs(self(feats), batches)

    @property
    def joins_tasks(self) -> bool:
        """Whether tasks that are alike get their losses by one call of :meth:`loss_by_feat`."""
        return takes_tasks_alike(self.loss_by_feat)

    def loss(self, feats: Sequence[Tensor], batches: Sequence[TaskBatch]) -> list[dict[str, Tensor]]:
        """Compute the losses of each task; see :meth:`loss_by_feat`."""
        outputs = self.task_outputs(feats, batches)
        alike: dict[Hashable, list[int]] = {}
        for place, batch in enumerate(batches):
            key = alike_key(self, batch.task) if self.joins_tasks else batch.task.name
            alike.setdefault(key, []).append(place)
        losses: list[dict[str, Tensor]] = [{} for _ in batches]
        for places in alike.values():
            first = places[0]
            if len(places) == 1:
                losses[first] = self.loss_by_feat(outputs[first], batches[first].samples, batches[first].task)
                continue
            samples = [sample for place in places for sample in batches[place].samples]
            joined = self.loss_by_feat(torch.cat([outputs[place] for place in places]), samples, batches[first].task)
            counts = [len(batches[place].samples) for place in places]
            for name, values in joined.items():
                for place, of_task in zip(places, values.split(counts), strict=True):
                    losses[place][name] = of_task
        return losses

    def predict(self, feats: Sequence[Tensor], batches: Sequence[TaskBatch]) -> None:
        """Set the predictions of each task, see :meth:`predict_by_feat`, and whether its outputs are finite."""
        for output, batch in zip(self.task_outputs(feats, batches), batches, strict=True):
            note_finite_outputs(output, batch.samples)
            self.predict_by_feat(output, batch.samples, batch.task)


def require_network_coordinates(data_samples: Sequence[TaskDataSample]) -> None:
    """Check that annotations are in network coordinates.

    Raises:
        ConfigError: If those of a sample are not. The message names its image.
    """
    for sample in data_samples:
        if sample.get('gt_coordinates') != 'network':
            raise ConfigError(
                f'a loss needs annotations in network pixels; those of {sample.get("img_path")} are in '
                f'{sample.get("gt_coordinates")!r} ones. Load annotations before ApplyGeometry in the training pipeline'
            )


def input_sizes(data_samples: Sequence[TaskDataSample], like: Tensor) -> Tensor:
    """Return the width and height of each network input, ``(n, 2)`` in pixels, with device and dtype of ``like``."""
    sizes = [(sample.img_shape[1], sample.img_shape[0]) for sample in data_samples]
    return tensor_like(sizes, like)
