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
from aurora_mm.structures import MultiTaskDataSample
from aurora_mm.tasks import Task

Loss = TypeVar('Loss', bound=HeadLoss)


class BaseTaskHead(BaseModule, metaclass=ABCMeta):
    """A head that the tasks of one type share. It sees the images of one task at a time.

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
        self.tasks = [task if isinstance(task, Task) else Task(**task) for task in tasks]
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
    def forward(self, feats: Sequence[Tensor], task: Task) -> Tensor | tuple[Tensor, ...]:
        """Raw outputs for maps ``(B, in_channels[i], h_i, w_i)`` of images of one task."""

    @abstractmethod
    def loss(
        self, feats: Sequence[Tensor], data_samples: Sequence[MultiTaskDataSample], task: Task
    ) -> dict[str, Tensor]:
        """Named scalar losses, each a mean over the images; annotations are in network pixels."""

    @abstractmethod
    def predict(
        self, feats: Sequence[Tensor], data_samples: Sequence[MultiTaskDataSample], task: Task
    ) -> list[MultiTaskDataSample]:
        """The samples with their predictions set, in pixels of the original image."""


def require_network_coordinates(data_samples: Sequence[MultiTaskDataSample]) -> None:
    """Refuses annotations in another frame than the network's input.

    Raises:
        ConfigError: Naming the image and its frame.
    """
    for sample in data_samples:
        if sample.get('gt_coordinates') != 'network':
            raise ConfigError(
                f'a loss needs annotations in network pixels; those of {sample.get("img_path")} are in '
                f'{sample.get("gt_coordinates")!r} ones. Load annotations before ApplyGeometry in the training pipeline'
            )


def size_xy(sample: MultiTaskDataSample) -> Tensor:
    """(2,): width and height of the network input."""
    height, width = sample.img_shape
    return torch.tensor([width, height], dtype=torch.float32)
