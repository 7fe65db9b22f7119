from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aurora_mm.registry import MODELS


@MODELS.register_module()
class BalancedCrossEntropyLoss(nn.Module):
    """Softmax cross entropy that weighs the background, makes up for small classes and smooths labels.

    The result is the weighted mean over all pixels (or images) of the batch that are not ignored. It is 0 if all of
    them are.

    Legend: B images, C classes.

    Args:
        background_weight: Weight of class 0; every other class weighs 1. The published recipe has 0.2 for
            segmentation.
        class_balance: Class weights are multiplied by the share of the class in the pixels that count, to the power
            ``-class_balance``. With 0 every pixel counts the same, with 1 every class that occurs does, however small
            it is.
        label_smoothing: Share of the target that is spread evenly over all classes, in [0, 1).
        per_image: Whether to take the mean of each image, with class shares of its own, and then the mean of these.
            Otherwise all pixels of the batch are pooled.
        loss_weight: Factor of the result.
        loss_name: Name of the result in the logs of mmseg's heads.
    """

    def __init__(
        self,
        background_weight: float = 1.0,
        class_balance: float = 0.0,
        label_smoothing: float = 0.0,
        per_image: bool = False,
        loss_weight: float = 1.0,
        loss_name: str = 'loss_ce',
    ) -> None:
        super().__init__()
        self.background_weight = background_weight
        self.class_balance = class_balance
        self.label_smoothing = label_smoothing
        self.per_image = per_image
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    def forward(self, pred: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = 255) -> Tensor:
        """Compute the loss.

        Args:
            pred: Logits ``(B, C)`` of images or ``(B, C, H, W)`` of pixels.
            target: Class indices ``(B,)`` or ``(B, H, W)``, int64.
            weight: Further factors of the shape of ``target``.
            ignore_index: Value in ``target`` that does not count.

        Returns:
            Scalar.
        """
        counted = (target != ignore_index).to(pred.dtype)
        if weight is not None:
            counted = counted * weight
        if not self.per_image:
            return self.loss_weight * self._mean(pred, target, counted, ignore_index)
        means = [self._mean(*(x[i : i + 1] for x in (pred, target, counted)), ignore_index) for i in range(len(pred))]
        return self.loss_weight * torch.stack(means).mean()

    def _mean(self, pred: Tensor, target: Tensor, counted: Tensor, ignore_index: int) -> Tensor:
        classes = pred.shape[1]
        known = target.where(target != ignore_index, 0)
        class_weight = pred.new_ones(classes)
        class_weight[0] = self.background_weight
        if self.class_balance:
            pixels = pred.new_zeros(classes).index_add(0, known.flatten(), counted.flatten())
            share = pixels / pixels.sum().clamp(min=1)
            class_weight = torch.where(
                pixels > 0, class_weight * share.clamp(min=1e-12) ** -self.class_balance, class_weight
            )
        entropy = F.cross_entropy(
            pred, known, weight=class_weight, reduction='none', label_smoothing=self.label_smoothing
        )
        total = (class_weight[known] * counted).sum()
        return (entropy * counted).sum() / total.clamp(min=torch.finfo(pred.dtype).tiny)
