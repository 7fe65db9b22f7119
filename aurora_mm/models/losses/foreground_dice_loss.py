from __future__ import annotations

import torch
from torch import Tensor, nn

from aurora_mm.registry import MODELS
from aurora_mm.structures import IGNORED


@MODELS.register_module()
class ForegroundDiceLoss(nn.Module):
    """1 - soft Dice of each foreground class in each image, averaged over classes and images.

    It differs from ``mmseg.DiceLoss``, which sums over all classes of an image, including the background.

    Legend: B images, C classes (background counted, class 0), H x W pixels.

    Args:
        smooth: Number of pixels that is added to numerator and denominator, so that a class that is in neither the
            target nor the prediction has a loss of 0.
        loss_weight: Factor by which the result is multiplied.
        loss_name: Name of the loss in the logs of mmseg's heads.
    """

    def __init__(self, smooth: float = 1.0, loss_weight: float = 1.0, loss_name: str = 'loss_dice') -> None:
        super().__init__()
        self.smooth = smooth
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
            pred: Logits ``(B, C, H, W)``.
            target: Class indices ``(B, H, W)``, int64.
            weight: Weight of each pixel, ``(B, H, W)``.
            ignore_index: Value in ``target`` that is ignored.

        Returns:
            ``(B,)``, averaged over the foreground classes.
        """
        counted = (target != ignore_index).to(pred.dtype)
        if weight is not None:
            counted = counted * weight
        counted = counted.flatten(1)[:, None]
        probs = pred.softmax(1)[:, 1:].flatten(2) * counted  # (B, C - 1, H W)
        classes = torch.arange(1, pred.shape[1], device=target.device)
        truth = (target.flatten(1)[:, None] == classes[:, None]) * counted
        overlap = (probs * truth).sum(2)
        dice = (2 * overlap + self.smooth) / (probs.sum(2) + truth.sum(2) + self.smooth)
        return self.loss_weight * (1 - dice).mean(1)
