from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aurora_mm.errors import ConfigError
from aurora_mm.models.losses.head_loss import Call, HeadLoss, values_by_row
from aurora_mm.models.utils.build import foreign_class, parameters_of
from aurora_mm.structures import IGNORED
from aurora_mm.tasks import Task


class ClassLoss(HeadLoss):
    """Calls a loss of class logits, for images or for pixels, and returns one value for each image.

    The value of an image does not depend on other images. A loss with a method ``image_losses(pred, target)`` returns
    the values itself. Otherwise the first way of calling the loss that works for a task is used. For pixels, the loss
    is called for one image at a time, with its own reduction:

    1. logits ``(1, C, H, W)`` and class indices ``(1, H, W)``, as for losses of mmseg;
    2. logits ``(N, C)`` and class indices ``(N,)`` of the N pixels that are not ignored, as for losses of mmdet;
    3. logits ``(N, C)`` and one-hot targets ``(N, C)`` of these pixels.

    For images, the loss is called with logits ``(B, C)`` and class indices ``(B,)`` or one-hot targets ``(B, C)`` and
    ``reduction_override='none'``, so that weights of classes have an effect; if that fails, for one image at a time as
    above.

    The target of an image may also be a mixture of classes, from :class:`CutMix` or :class:`Mixup`. Its loss is the
    mean of the losses for each class alone, weighted by the fractions of the classes. For cross entropy, with or
    without ``class_weight`` and label smoothing, this is the cross entropy with the mixture.

    The ``class_weight`` of a task is an argument of the loss for this task, if the loss takes one.

    Legend: B images, C classes (background counted for pixels).

    Args:
        cfg: See :class:`HeadLoss`.
        tasks: See :class:`HeadLoss`.
        head: See :class:`HeadLoss`.
        argument: See :class:`HeadLoss`.
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
            target: Class indices ``(B,)`` or ``(B, H, W)``, int64; pixels of value 255 do not count. For images
                also the fraction of each class, ``(B, C)`` float.
            task: The task.

        Returns:
            ``(B,)``.
        """
        if not target.is_floating_point():
            return self.call(pred, target, task)
        images, classes = pred.shape
        every_class = torch.arange(classes, device=pred.device).repeat(images)
        values = self.call(pred.repeat_interleave(classes, dim=0), every_class, task)
        return (target * values.reshape(images, classes)).sum(1)

    @staticmethod
    def takes_class_weight(cfg: Mapping[str, Any]) -> bool:
        """Whether the loss of a config has an argument ``class_weight``."""
        return 'class_weight' in parameters_of(foreign_class(cfg['type']))

    def _arguments_of(self, task: Task, cfg: dict[str, Any], by_task: dict[str, Any]) -> dict[str, Any]:
        if not task.class_weight or not self.takes_class_weight(cfg):
            return {}
        if 'class_weight' in by_task.get(task.name, {}):
            raise ConfigError(
                f'{self.place} gives class_weight by_task for {task.name}, and the task has a class_weight of its own: '
                'leave one of them out'
            )
        return dict(class_weight=list(task.class_weight))

    def _build(self, cfg: dict[str, Any]) -> nn.Module:
        loss = super()._build(cfg)
        if not self.pixels:
            self.refuse_reduction(loss, cfg)
        return loss

    def _calls(self, loss: nn.Module) -> Sequence[Call]:
        if hasattr(loss, 'image_losses'):
            return (_call_for_images,)
        one_by_one = [partial(_one_by_one, call) for call in (_with_indices, _with_rows, _with_one_hot_rows)]
        return one_by_one if self.pixels else [_all_with_indices, _all_with_one_hot, *one_by_one]

    def _compared(self, values: Tensor) -> Tensor:
        return values.sum()  # single classes may have a weight of 0

    def _examples(self, task: Task) -> tuple[Tensor, Sequence[Tensor], Tensor]:
        target = torch.arange(2 * task.num_outputs) % task.num_outputs
        if self.pixels:
            stripes = target.repeat_interleave(3).expand(5, -1)
            target = torch.stack([stripes, stripes.flip(1)])
        is_class = F.one_hot(target, task.num_outputs).movedim(-1, 1) * 2.0 - 1
        if self.pixels:
            target[0, 0, 0] = IGNORED
        # Right predictions have larger logits than wrong ones, so a loss that draws the logits to 0 and 1 does not
        # pass. The logits differ between pixels, because a loss may select pixels by them.
        sure = torch.linspace(2.5, 3, target.numel()).reshape(target.shape)[:, None]
        return sure * is_class, [-is_class], target

    def _inputs(self) -> str:
        if self.pixels:
            return 'logits (B, C, H, W) and class indices (B, H, W)'
        return 'logits (B, C) and class indices (B,)'


class _LossOfImages(Protocol):
    def image_losses(self, pred: Tensor, target: Tensor) -> Tensor: ...


def _call_for_images(loss: _LossOfImages, pred: Tensor, target: Tensor) -> Tensor:
    return loss.image_losses(pred, target)


def _all_with_indices(loss: nn.Module, pred: Tensor, target: Tensor) -> Tensor:
    return values_by_row(loss, pred, target).reshape(len(pred), -1).mean(1)


def _all_with_one_hot(loss: nn.Module, pred: Tensor, target: Tensor) -> Tensor:
    return _all_with_indices(loss, pred, F.one_hot(target, pred.shape[1]).to(pred.dtype))


def _one_by_one(call: Call, loss: nn.Module, pred: Tensor, target: Tensor) -> Tensor:
    return torch.stack([_scalar(call(loss, pred[i : i + 1], target[i : i + 1])) for i in range(len(pred))])


def _with_indices(loss: nn.Module, pred: Tensor, target: Tensor) -> Tensor:
    # Losses of mmseg take the ignored value as an argument or use 255. For images no value is ignored.
    takes = inspect.signature(loss.forward).parameters
    more = dict(ignore_index=IGNORED) if 'ignore_index' in takes and target.dim() > 1 else {}
    return loss(pred, target, **more)


def _with_rows(loss: nn.Module, pred: Tensor, target: Tensor) -> Tensor:
    return loss(*_rows(pred, target))


def _with_one_hot_rows(loss: nn.Module, pred: Tensor, target: Tensor) -> Tensor:
    pred, target = _rows(pred, target)
    return loss(pred, F.one_hot(target, pred.shape[1]).to(pred.dtype))


def _rows(pred: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    pred, target = pred.movedim(1, -1).flatten(0, -2), target.flatten()
    counted = target != IGNORED
    return pred[counted], target[counted]


def _scalar(loss: Any) -> Tensor:
    if not isinstance(loss, Tensor) or loss.dim():
        shape = tuple(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
        raise ValueError(f'it gives {shape} and not one number')
    return loss
