from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from aurora_mm.models.losses.head_loss import Call, HeadLoss, values_by_row


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
        self.refuse_reduction(loss, cfg)
        return loss

    def _calls(self, loss: nn.Module) -> Sequence[Call]:
        return (values_by_row,)
