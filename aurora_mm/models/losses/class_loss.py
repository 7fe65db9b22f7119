from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aurora_mm.models.losses.head_loss import Call, HeadLoss
from aurora_mm.tasks import Task

IGNORE_INDEX = 255  # of mmseg's padding


class ClassLoss(HeadLoss):
    """A loss of class logits, for images or for pixels: one number for each image.

    A loss that has a method ``image_losses(pred, target)`` gives these numbers itself. Any other is called image by
    image, so that the loss of an image does not depend on which images share its batch.

    The first way of calling the loss that works for a task is used:

    1. logits ``(B, C)`` or ``(B, C, H, W)`` and class indices ``(B,)`` or ``(B, H, W)``, as mmseg's losses take them;
    2. logits ``(N, C)`` and class indices ``(N,)`` of the N images or pixels that are not ignored, as mmdet's do;
    3. logits ``(N, C)`` and one-hot targets ``(N, C)`` of the same.

    Legend: B images, C classes.

    Args:
        cfg, tasks, head, argument: See :class:`HeadLoss`.
        pixels: Whether there is a class for each pixel (segmentation) or for each image (classification).
    """

    def __init__(
        self, cfg: dict[str, Any], tasks: Sequence[Task], head: str, argument: str, pixels: bool = False
    ) -> None:
        self.pixels = pixels
        super().__init__(cfg, tasks, head, argument)

    def forward(self, pred: Tensor, target: Tensor, task: Task) -> Tensor:
        """Compute the loss of one task.

        Args:
            pred: Logits ``(B, C)`` or ``(B, C, H, W)``.
            target: Class indices ``(B,)`` or ``(B, H, W)``, int64; pixels of value 255 do not count.
            task: The task.

        Returns:
            ``(B,)``.
        """
        loss = self._loss_of(task)
        if hasattr(loss, 'image_losses'):
            return loss.image_losses(pred, target)
        return torch.stack([self.call(pred[i : i + 1], target[i : i + 1], task) for i in range(len(pred))])

    def _calls(self) -> Sequence[Call]:
        return _call_with_indices, _call_with_rows, _call_with_one_hot_rows

    def _examples(self, task: Task) -> tuple[Tensor, Sequence[Tensor], Tensor]:
        target = torch.arange(2 * task.num_outputs) % task.num_outputs
        if self.pixels:
            stripes = target.repeat_interleave(3).expand(5, -1)
            target = torch.stack([stripes, stripes.flip(1)])
        is_class = F.one_hot(target, task.num_outputs).movedim(-1, 1) * 2.0 - 1
        if self.pixels:
            target[0, 0, 0] = IGNORE_INDEX
        # Sure of what is right and not so sure of what is wrong: a loss that draws the logits towards 0 and 1 is none.
        # Some pixels are surer than others, among which a loss may choose.
        sure = torch.linspace(2.5, 3, target.numel()).reshape(target.shape)[:, None]
        return sure * is_class, [-is_class], target

    def _inputs(self) -> str:
        if self.pixels:
            return 'logits (B, C, H, W) and class indices (B, H, W)'
        return 'logits (B, C) and class indices (B,)'


def _call_with_indices(loss: nn.Module, pred: Tensor, target: Tensor) -> Tensor:
    # mmseg's losses take the value as an argument or know it; without pixels nothing is ignored.
    takes = inspect.signature(loss.forward).parameters
    more = dict(ignore_index=IGNORE_INDEX) if 'ignore_index' in takes and target.dim() > 1 else {}
    return _scalar(loss(pred, target, **more))


def _call_with_rows(loss: nn.Module, pred: Tensor, target: Tensor) -> Tensor:
    return _scalar(loss(*_rows(pred, target)))


def _call_with_one_hot_rows(loss: nn.Module, pred: Tensor, target: Tensor) -> Tensor:
    pred, target = _rows(pred, target)
    return _scalar(loss(pred, F.one_hot(target, pred.shape[1]).to(pred.dtype)))


def _rows(pred: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    pred, target = pred.movedim(1, -1).flatten(0, -2), target.flatten()
    counted = target != IGNORE_INDEX
    return pred[counted], target[counted]


def _scalar(loss: Any) -> Tensor:
    if not isinstance(loss, Tensor) or loss.dim():
        shape = tuple(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
        raise ValueError(f'it gives {shape} and not one number')
    return loss
