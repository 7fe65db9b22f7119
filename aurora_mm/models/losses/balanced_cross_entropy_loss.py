from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aurora_mm.models.utils.tensor_like import tensor_like
from aurora_mm.registry import MODELS
from aurora_mm.structures import IGNORED


@MODELS.register_module()
class BalancedCrossEntropyLoss(nn.Module):
    """Softmax cross entropy with a weight for the background, balancing of small classes and label smoothing.

    The loss of an image is the weighted mean over its pixels that are not ignored, and 0 if all of them are. The result
    is the mean over the images, so it does not depend on which images share a batch.

    Legend: B images, C classes (background counted).

    Args:
        background_weight: Weight of class 0; every other class has weight 1. The published value for segmentation is
            0.2.
        class_weight: Weight of each class, background counted, in place of ``background_weight``.
        class_balance: The weight of a class is multiplied by its fraction of the image's pixels to the power
            ``-class_balance``. With 0 every pixel has the same weight, with 1 every class in the image has, however
            small it is. It can be used for pixels only.
        label_smoothing: Fraction of the target that is spread evenly over all classes, in [0, 1).
        loss_weight: Factor by which the result is multiplied.
        loss_name: Name of the loss in the logs of mmseg's heads.
    """

    def __init__(
        self,
        background_weight: float = 1.0,
        class_weight: Sequence[float] | None = None,
        class_balance: float = 0.0,
        label_smoothing: float = 0.0,
        loss_weight: float = 1.0,
        loss_name: str = 'loss_ce',
    ) -> None:
        super().__init__()
        self.background_weight = background_weight
        self.class_weight = class_weight
        self.class_balance = class_balance
        self.label_smoothing = label_smoothing
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    def forward(
        self, pred: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = IGNORED
    ) -> Tensor:
        """Compute the mean loss of the images: a scalar. Arguments as in :meth:`image_losses`."""
        return self.image_losses(pred, target, weight, ignore_index).mean()

    def image_losses(
        self, pred: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = IGNORED
    ) -> Tensor:
        """Compute the loss of each image.

        Args:
            pred: Logits ``(B, C)`` of images or ``(B, C, H, W)`` of pixels.
            target: Class indices ``(B,)`` or ``(B, H, W)``, int64.
            weight: Further weights, of the shape of ``target``.
            ignore_index: Value in ``target`` that is ignored.

        Returns:
            ``(B,)``. The weights of pixels are divided by their sum over the image; the weights of images are not.

        Raises:
            ValueError: If ``class_balance`` is used for images.
        """
        counted = (target != ignore_index).to(pred.dtype)
        if weight is not None:
            counted = counted * weight
        known = target.where(target != ignore_index, 0)
        if pred.dim() == 2:
            if self.class_balance:
                raise ValueError('class_balance weighs the classes of pixels; there is one class an image here')
            pred, known, counted = pred[..., None], known[:, None], counted[:, None]
        pred, known, counted = pred.flatten(2), known.flatten(1), counted.flatten(1)  # (B, C, P), (B, P), (B, P)
        class_weight = self._class_weight(pred, known, counted)  # (B, C)
        pixel_weight = class_weight.gather(1, known) * counted
        entropy = F.cross_entropy(pred, known, reduction='none') * pixel_weight
        if self.label_smoothing:
            evenly = -(class_weight[..., None] * pred.log_softmax(1)).mean(1) * counted
            entropy = (1 - self.label_smoothing) * entropy + self.label_smoothing * evenly
        total = entropy.sum(1)
        if target.dim() > 1:
            total = total / pixel_weight.sum(1).clamp(min=torch.finfo(pred.dtype).tiny)
        return self.loss_weight * total

    def _class_weight(self, pred: Tensor, known: Tensor, counted: Tensor) -> Tensor:
        images, classes = pred.shape[:2]
        if self.class_weight is None:
            weight = pred.new_ones(images, classes)
            weight[:, 0] = self.background_weight
        else:
            weight = tensor_like(self.class_weight, pred).expand(images, classes)
        if not self.class_balance:
            return weight
        cell = known + classes * torch.arange(images, device=known.device)[:, None]
        pixels = pred.new_zeros(images * classes).index_add(0, cell.flatten(), counted.flatten())
        pixels = pixels.reshape(images, classes)
        share = pixels / pixels.sum(1, keepdim=True).clamp(min=1)
        return torch.where(pixels > 0, weight * share.clamp(min=1e-12) ** -self.class_balance, weight)
