from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from aurora_mm.errors import ConfigError
from aurora_mm.models.losses.head_loss import Call, HeadLoss


class ElementLoss(HeadLoss):
    """A loss that gives a value for each element, of which the head takes the mean.

    It is called as mmdet's losses are, ``loss(pred, target, reduction_override='none')``. The head weighs the elements
    and takes the mean of each image, the model that of the images. So a ``reduction`` other than 'mean' would say
    what does not happen, and is refused.

    Args:
        cfg, tasks, head, argument: See :class:`HeadLoss`.
    """

    def _build(self, cfg: dict[str, Any]) -> nn.Module:
        loss = super()._build(cfg)
        if (reduction := getattr(loss, 'reduction', 'mean')) != 'mean':
            raise ConfigError(
                f'{self.place}: reduction={reduction!r} of {cfg["type"]} would have no effect, since the head takes '
                'the mean over each image and over the images; use loss_weight to scale it'
            )
        return loss

    def _calls(self) -> Sequence[Call]:
        return (_call_for_elements,)


def _call_for_elements(loss: nn.Module, pred: Tensor, target: Tensor) -> Tensor:
    values = loss(pred, target, reduction_override='none')
    if not isinstance(values, Tensor) or values.dim() == 0 or len(values) != len(pred):
        shape = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
        raise ValueError(f'for {tuple(pred.shape)} it gives {shape} and not one value or more a row')
    return values
