"""The head of tasks that predict a number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.models.heads.base_pooled_head import BasePooledHead
from aurora_mm.models.losses import CoordinateLoss
from aurora_mm.registry import MODELS
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task

if TYPE_CHECKING:
    from typing_extensions import Self


@MODELS.register_module()
class ScalarRegressionHead(BasePooledHead):
    """Predict a number from the global averages of all levels.

    The network predicts standardised numbers: each task's number minus the mean of its training annotations, divided by
    their standard deviation. Both are computed once, before training starts (:meth:`fit_annotations`), and are kept in
    the checkpoint.

    Legend: n images of a task.

    Args:
        tasks: See :class:`BaseTaskHead`.
        in_channels: See :class:`BaseTaskHead`.
        loss_value: Config of a loss of standardised numbers, see :class:`CoordinateLoss`. The default is quadratic
            within a standard deviation and linear beyond, so that outliers among the annotations count less.
        kwargs: See :class:`BasePooledHead`.

    Raises:
        ConfigError: If the loss does not fit, or see :class:`BasePooledHead`.

    Attributes:
        statistics (Tensor): Mean and standard deviation of each task's training annotations, (T, 2) for the T tasks of
            the head; 0 and 0 before training.
    """

    task_type = 'scalar_regression'
    statistics: Tensor

    def __init__(
        self,
        tasks: Sequence[Task | dict[str, Any]],
        in_channels: Sequence[int],
        *,
        loss_value: dict[str, Any] = dict(type='mmdet.SmoothL1Loss', beta=1.0),
        **kwargs: Any,
    ) -> None:
        super().__init__(tasks, in_channels, **kwargs)
        self.loss_value = self.build_loss(CoordinateLoss, 'loss_value', loss_value, dimensions=1)
        self.register_buffer('statistics', torch.zeros(len(self.tasks), 2))
        self._fitted = False

    @property
    def needs_annotations(self) -> bool:
        """Whether :meth:`fit_annotations` must be called before training, because no checkpoint was loaded."""
        return not self._fitted

    def fit_annotations(self, items: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Compute mean and standard deviation of each task's training annotations.

        Args:
            items: Items of the training set by task name, with the key ``value``.

        Raises:
            DataError: If a task has no training annotation, or all of them are the same number.
        """
        for index, task in enumerate(self.tasks):
            values = np.array([item['value'] for item in items.get(task.name, ())], np.float64)
            if not len(values):
                raise DataError(f'task {task.name!r} has no training image, so its numbers cannot be standardised')
            if np.ptp(values) == 0:
                raise DataError(f'all {len(values)} training images of task {task.name!r} have the value {values[0]:g}')
            self.statistics[index] = torch.tensor([values.mean(), values.std()]).to(self.statistics)
        self._fitted = True

    def loss_by_feat(self, output: Tensor, data_samples: Sequence[TaskDataSample], task: Task) -> dict[str, Tensor]:
        """Compute the loss, see :class:`BaseTaskHead`; ``output`` is ``(n, 1)``.

        Raises:
            ConfigError: If the statistics of the training annotations are not known.
        """
        if not self._fitted:
            raise ConfigError(
                f'the head of task {task.name!r} does not know the mean and the standard deviation of its training '
                'annotations; MultiTaskHook or fit_annotations computes them before training'
            )
        mean, deviation = self._statistics_of(task)
        target = torch.cat([sample.gt_value for sample in data_samples]).to(output.device)
        standardised = ((target - mean) / deviation).float()[:, None, None]
        return dict(loss_value=self.loss_value(output.float()[:, None], standardised, task))

    def predict_by_feat(self, output: Tensor, data_samples: Sequence[TaskDataSample], task: Task) -> None:
        """Set ``pred_value``, ``(1,)`` in the unit of the task."""
        mean, deviation = self._statistics_of(task)
        for value, sample in zip(output.float() * deviation + mean, data_samples, strict=True):
            sample.pred_value = value

    def tensors_by_feat(self, output: Tensor, task: Task, ori_shape: tuple[int, int]) -> dict[str, Tensor]:
        """Return ``value`` (B,) in the unit of the task, see :class:`BaseTaskHead`."""
        mean, deviation = self._statistics_of(task)
        return dict(value=(output.float() * deviation + mean)[:, 0])

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move the head, or cast its weights, as torch does; the statistics stay float32.

        They are numbers of annotations: float16 ends at 65504, and has 3 digits.
        """
        statistics = self.statistics
        super()._apply(fn, recurse)
        if self.statistics.dtype != statistics.dtype:
            self.statistics = statistics.to(self.statistics.device)
        return self

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        self._fitted = not self.statistics.is_meta and bool((self.statistics[:, 1] > 0).all())

    def _statistics_of(self, task: Task) -> tuple[Tensor, Tensor]:
        mean, deviation = self.statistics[[known.name for known in self.tasks].index(task.name)]
        return mean, deviation
