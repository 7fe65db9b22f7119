"""The head of tasks whose images have any number of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from aurora_mm.models.heads.base_pooled_head import BasePooledHead
from aurora_mm.models.heads.tasks_alike import for_tasks_alike
from aurora_mm.models.losses import LabelLoss
from aurora_mm.registry import MODELS
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task


@MODELS.register_module()
class MultiLabelHead(BasePooledHead):
    """Predict the probability of each class independently, from the global averages of all levels.

    Legend: n images of a task, C classes.

    Args:
        tasks: See :class:`BaseTaskHead`.
        in_channels: See :class:`BaseTaskHead`.
        loss_label: Config of a loss of logits ``(n, C)``, see :class:`LabelLoss`.
        kwargs: See :class:`BasePooledHead`.

    Raises:
        ConfigError: If the loss does not fit, or see :class:`BasePooledHead`.
    """

    task_type = 'multi_label_classification'

    def __init__(
        self,
        tasks: Sequence[Task | dict[str, Any]],
        in_channels: Sequence[int],
        *,
        loss_label: dict[str, Any] = dict(type='mmdet.CrossEntropyLoss', use_sigmoid=True),
        **kwargs: Any,
    ) -> None:
        super().__init__(tasks, in_channels, **kwargs)
        self.loss_label = self.build_loss(LabelLoss, 'loss_label', loss_label)

    @for_tasks_alike
    def loss_by_feat(self, output: Tensor, data_samples: Sequence[TaskDataSample], task: Task) -> dict[str, Tensor]:
        """Compute the loss, see :class:`BaseTaskHead`; ``output`` holds logits ``(n, C)``."""
        target = torch.stack([sample.gt_scores for sample in data_samples]).to(output.device)
        return dict(loss_label=self.loss_label(output.float(), target, task))

    def predict_by_feat(self, output: Tensor, data_samples: Sequence[TaskDataSample], task: Task) -> None:
        """Set ``pred_scores``, the probability of each class ``(C,)``."""
        for probs, sample in zip(output.float().sigmoid(), data_samples, strict=True):
            sample.pred_scores = probs

    def tensors_by_feat(self, output: Tensor, task: Task, ori_shape: tuple[int, int]) -> dict[str, Tensor]:
        """Return ``label_probs``, the probability of each class (B, C), see :class:`BaseTaskHead`."""
        return dict(label_probs=output.float().sigmoid())
