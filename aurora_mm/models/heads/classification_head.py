"""The classification head of the paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from aurora_mm.errors import ConfigError
from aurora_mm.models.heads.base_pooled_head import BasePooledHead
from aurora_mm.models.heads.tasks_alike import for_tasks_alike
from aurora_mm.models.losses import ClassLoss
from aurora_mm.registry import MODELS
from aurora_mm.structures import TaskBatch, TaskDataSample
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
        mixup_alpha: If it is not 0, training mixes the pooled features and the labels of images of the same task at
            random, see `manifold mixup <https://arxiv.org/abs/1806.05236>`_. The fraction of an image is drawn from
            Beta(mixup_alpha, mixup_alpha). The image itself stays as it is, so unlike CutMix and mixup of images this
            also works for images with labels of other types.
        kwargs: See :class:`BasePooledHead`.

    Raises:
        ConfigError: If ``mixup_alpha`` is negative, or the loss does not fit, or see :class:`BasePooledHead`.
    """

    task_type = 'classification'
    reads_class_weight = True

    def __init__(
        self,
        tasks: Sequence[Task | dict[str, Any]],
        in_channels: Sequence[int],
        *,
        loss_cls: dict[str, Any] = dict(type='mmdet.CrossEntropyLoss'),
        mixup_alpha: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(tasks, in_channels, **kwargs)
        if not mixup_alpha >= 0:  # NaN too
            raise ConfigError(f'mixup_alpha of ClassificationHead must not be negative; it is {mixup_alpha}')
        self.mixup_alpha = mixup_alpha
        self.loss_cls = self.build_loss(ClassLoss, 'loss_cls', loss_cls)
        self.require_weighed(loss_cls=loss_cls)

    @for_tasks_alike
    def loss_by_feat(self, output: Tensor, data_samples: Sequence[TaskDataSample], task: Task) -> dict[str, Tensor]:
        """Compute the loss, see :class:`BaseTaskHead`; ``output`` holds logits ``(n, C)``."""
        mixed = any('gt_scores' in sample for sample in data_samples)
        logits = output.float()
        target = _scores(data_samples, logits) if mixed else torch.cat([sample.gt_label for sample in data_samples])
        return dict(loss_cls=self.loss_cls(logits, target, task))

    def loss(self, feats: Sequence[Tensor], batches: Sequence[TaskBatch]) -> list[dict[str, Tensor]]:
        """Compute the losses of each task, see :class:`BaseTaskHead`, of mixed features if ``mixup_alpha`` is not 0."""
        if not self.mixup_alpha:
            return super().loss(feats, batches)
        pooled = self.pool(feats)
        return [self._mixed_loss(batch.take(pooled), batch) for batch in batches]

    def _mixed_loss(self, pooled: Tensor, batch: TaskBatch) -> dict[str, Tensor]:
        partners, fractions = _draw_mixtures(self.mixup_alpha, len(pooled), pooled)
        features = self.embed(torch.lerp(pooled[partners], pooled, fractions))
        (output,) = self.outputs(features, [batch._replace(rows=None)])
        logits = output.float()
        scores = _scores(batch.samples, logits)
        target = torch.lerp(scores[partners], scores, fractions.to(scores.dtype))
        return dict(loss_cls=self.loss_cls(logits, target, batch.task))

    def predict_by_feat(self, output: Tensor, data_samples: Sequence[TaskDataSample], task: Task) -> None:
        """Set ``pred_scores``, probabilities ``(C,)``, and ``pred_label``, the most probable class."""
        for probs, sample in zip(output.float().softmax(1), data_samples, strict=True):
            sample.pred_scores = probs
            sample.pred_label = probs.argmax(0, keepdim=True)

    def tensors_by_feat(self, output: Tensor, task: Task, ori_shape: tuple[int, int]) -> dict[str, Tensor]:
        """Return ``probs``, see :class:`BaseTaskHead`."""
        return dict(probs=output.float().softmax(1))


def _scores(data_samples: Sequence[TaskDataSample], like: Tensor) -> Tensor:
    """Return the fraction of each class in each image, ``(n, C)``, with the shape, device and dtype of ``like``."""
    classes = torch.arange(like.shape[1], device=like.device)
    scores = [sample.gt_scores if 'gt_scores' in sample else classes == sample.gt_label for sample in data_samples]
    return torch.stack([of_image.to(like.dtype) for of_image in scores])


def _draw_mixtures(alpha: float, count: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Draw which image each image is mixed with, ``(count,)``, and the fraction of the image itself, ``(count, 1)``."""
    order = torch.randperm(count)
    partners = torch.empty_like(order)
    partners[order] = order.roll(1)  # so that no image is mixed with itself, unless it is the only one
    fractions = torch.distributions.Beta(alpha, alpha).sample((count, 1)).to(like.dtype)
    return partners.to(like.device, non_blocking=True), fractions.to(like.device, non_blocking=True)
