"""The classification head of the paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from aurora_mm.models.heads.base_pooled_head import BasePooledHead
from aurora_mm.models.losses import ClassLoss
from aurora_mm.registry import MODELS
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task


@MODELS.register_module()
class ClassificationHead(BasePooledHead):
    """Classify from the global averages of all levels.

    Legend: n images of a task, C classes.

    Args:
        tasks: See :class:`BaseTaskHead`.
        in_channels: See :class:`BaseTaskHead`.
        loss_cls: Config of a loss of class logits ``(n, C)``, see :class:`ClassLoss`. The published loss is plain cross
            entropy; ``dict(type='BalancedCrossEntropyLoss', label_smoothing=0.1)`` smooths the labels.
        kwargs: See :class:`BasePooledHead`.

    Raises:
        ConfigError: If the loss does not fit, or see :class:`BasePooledHead`.
    """

    task_type = 'classification'
    reads_class_weight = True

    def __init__(
        self,
        tasks: Sequence[Task | dict[str, Any]],
        in_channels: Sequence[int],
        *,
        loss_cls: dict[str, Any] = dict(type='mmdet.CrossEntropyLoss'),
        **kwargs: Any,
    ) -> None:
        super().__init__(tasks, in_channels, **kwargs)
        self.loss_cls = self.build_loss(ClassLoss, 'loss_cls', loss_cls)
        self.require_weighed(loss_cls=loss_cls)

    def loss_by_feat(self, output: Tensor, data_samples: Sequence[TaskDataSample], task: Task) -> dict[str, Tensor]:
        """Compute the loss, see :class:`BaseTaskHead`; ``output`` holds logits ``(n, C)``."""
        target = torch.cat([sample.gt_label for sample in data_samples])
        return dict(loss_cls=self.loss_cls(output.float(), target, task))

    def predict_by_feat(self, output: Tensor, data_samples: Sequence[TaskDataSample], task: Task) -> None:
        """Set ``pred_scores``, probabilities ``(C,)``, and ``pred_label``, the most probable class."""
        for probs, sample in zip(output.float().softmax(1), data_samples, strict=True):
            sample.pred_scores = probs
            sample.pred_label = probs.argmax(0, keepdim=True)

    def tensors_by_feat(self, output: Tensor, task: Task, ori_shape: tuple[int, int]) -> dict[str, Tensor]:
        """Return ``probs``, see :class:`BaseTaskHead`."""
        return dict(probs=output.float().softmax(1))
