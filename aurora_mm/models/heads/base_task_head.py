"""What the model asks of a head."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from typing import Any, TypeVar

import torch
from mmengine.model import BaseModule
from torch import Tensor

from aurora_mm.errors import ConfigError
from aurora_mm.models.losses import HeadLoss
from aurora_mm.structures import TaskBatch, TaskDataSample
from aurora_mm.tasks import Task

Loss = TypeVar('Loss', bound=HeadLoss)


class BaseTaskHead(BaseModule, metaclass=ABCMeta):
    """A head that the tasks of one type share.

    Its trunk runs once for all images of the batch, then a last layer for each task (:class:`TaskOutputs`, in the
    attribute ``outputs``).

    Args:
        tasks: The tasks it serves, all of :attr:`task_type`.
        in_channels: Channels of each map it is given, finest first.

    Attributes:
        task_type: The type of task it can serve.
        in_index: The maps that it reads, counted from 0; all of them unless it says otherwise.
    """

    task_type: str

    def __init__(
        self, tasks: Sequence[Task | dict], in_channels: Sequence[int], init_cfg: dict | list | None = None
    ) -> None:
        super().__init__(init_cfg)
        self.tasks = [Task.from_config(task) for task in tasks]
        self.in_channels = list(in_channels)
        self.in_index = list(range(len(self.in_channels)))
        wrong = [task for task in self.tasks if task.type != self.task_type]
        if wrong or not self.tasks:
            given = ', '.join(f'{task.name} ({task.type})' for task in wrong) or 'no task'
            raise ConfigError(f'{type(self).__name__} serves {self.task_type} tasks and was given {given}')

    def build_loss(self, kind: type[Loss], argument: str, cfg: dict[str, Any] | None, **settings: Any) -> Loss | None:
        """The loss of one argument of the head, or None for None.

        Args:
            kind: How the head calls it.
            argument: Name of the argument, for messages.
            cfg: Config of the loss.
            settings: Further arguments of ``kind``.
        """
        return None if cfg is None else kind(cfg, self.tasks, type(self).__name__, argument, **settings)

    def require_one_of(self, **losses: dict[str, Any] | None) -> None:
        """Refuses a head without anything to learn from.

        Raises:
            ConfigError: If all the losses are None.
        """
        if all(cfg is None for cfg in losses.values()):
            raise ConfigError(f'{type(self).__name__} needs one of the losses {", ".join(losses)}')

    @abstractmethod
    def forward(self, feats: Sequence[Tensor]) -> Tensor:
        """Compute what the tasks share, once for all images of the batch.

        Args:
            feats: Maps ``(B, in_channels[i], h_i, w_i)``, finest first.

        Returns:
            ``(B, C, ...)``, what :attr:`outputs` reads.
        """

    @abstractmethod
    def loss_by_feat(self, output: Any, data_samples: Sequence[TaskDataSample], task: Task) -> dict[str, Tensor]:
        """Compute the losses of one task.

        Args:
            output: What :meth:`task_outputs` gives for the task: for the n images of ``data_samples``.
            data_samples: The task's samples; annotations are in network coordinates.
            task: The task.

        Returns:
            Named losses, ``(n,)`` each: one value an image, which depends on no other image. A foreign head that
            cannot tell the images apart gives a scalar, their mean.
        """

    @abstractmethod
    def predict_by_feat(self, output: Any, data_samples: Sequence[TaskDataSample], task: Task) -> None:
        """Set the predictions of one task in its samples, in pixels of the original image; arguments as above."""

    def task_outputs(self, feats: Sequence[Tensor], batches: Sequence[TaskBatch]) -> list[Any]:
        """Compute the raw outputs of each task for its images: the shared part once, then the tasks' last layers."""
        return self.outputs(self(feats), batches)

    def loss(self, feats: Sequence[Tensor], batches: Sequence[TaskBatch]) -> list[dict[str, Tensor]]:
        """Compute the losses of each task, see :meth:`loss_by_feat`."""
        outputs = self.task_outputs(feats, batches)
        return [
            self.loss_by_feat(output, batch.samples, batch.task) for output, batch in zip(outputs, batches, strict=True)
        ]

    def predict(self, feats: Sequence[Tensor], batches: Sequence[TaskBatch]) -> None:
        """Set the predictions of each task, see :meth:`predict_by_feat`."""
        for output, batch in zip(self.task_outputs(feats, batches), batches, strict=True):
            self.predict_by_feat(output, batch.samples, batch.task)


def require_network_coordinates(data_samples: Sequence[TaskDataSample]) -> None:
    """Refuse annotations in other than network coordinates.

    Raises:
        ConfigError: Naming the image and its coordinates.
    """
    for sample in data_samples:
        if sample.get('gt_coordinates') != 'network':
            raise ConfigError(
                f'a loss needs annotations in network pixels; those of {sample.get("img_path")} are in '
                f'{sample.get("gt_coordinates")!r} ones. Load annotations before ApplyGeometry in the training pipeline'
            )


def input_sizes(data_samples: Sequence[TaskDataSample], like: Tensor) -> Tensor:
    """``(n, 2)``: width and height of each image's network input, on the device and in the dtype of ``like``."""
    sizes = [(sample.img_shape[1], sample.img_shape[0]) for sample in data_samples]
    return torch.tensor(sizes, dtype=like.dtype).to(like.device, non_blocking=True)
