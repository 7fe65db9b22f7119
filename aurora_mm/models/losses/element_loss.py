from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from aurora_mm.models.losses.head_loss import Call, HeadLoss, values_by_row


class ElementLoss(HeadLoss):
    """Calls a loss that returns a value for each element, as losses of mmdet do.

    It is called by ``loss(pred, target, reduction_override='none')``. The head weighs and averages the elements of each
    image, and the model averages over the images. Another ``reduction`` than 'mean' would have no effect and is
    refused.

    Args:
        cfg: See :class:`HeadLoss`.
        tasks: See :class:`HeadLoss`.
        head: See :class:`HeadLoss`.
        argument: See :class:`HeadLoss`.
    """

    def _build(self, cfg: dict[str, Any]) -> nn.Module:
        loss = super()._build(cfg)
        self.refuse_reduction(loss, cfg)
        return loss

    def _calls(self, loss: nn.Module) -> Sequence[Call]:
        return (values_by_row,)
