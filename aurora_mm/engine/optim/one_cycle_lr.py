"""One cycle of the learning rate that keeps the ratios between parameter groups."""

from __future__ import annotations

from typing import Any

from mmengine.optim import OneCycleLR as MMEngineOneCycleLR
from mmengine.optim import OptimWrapper
from mmengine.optim.scheduler.param_scheduler import INF
from torch.optim import Optimizer

from aurora_mm.registry import PARAM_SCHEDULERS


@PARAM_SCHEDULERS.register_module()
class OneCycleLR(MMEngineOneCycleLR):
    """MMEngine's OneCycleLR, whose highest rates are those of the optimiser and its parameter groups.

    MMEngine's sets every group to one ``eta_max``, so that the optimiser's ``lr`` and every ``lr_mult`` have no effect.

    Args:
        optimizer: The optimiser, or the wrapper of one.
        eta_max: Highest rate of the groups that have the optimiser's ``lr``; other groups keep their ratio to it. None
            takes ``lr`` itself.
        pct_start: Share of the steps in which the rate rises, at most 1. A rise of one step is its highest rate, where
            MMEngine's would divide by 0.
        total_steps: See MMEngine's scheduler.
        begin: See MMEngine's scheduler.
        end: See MMEngine's scheduler.
        kwargs: See MMEngine's scheduler.
    """

    def __init__(
        self,
        optimizer: Optimizer | OptimWrapper,
        eta_max: float | None = None,
        pct_start: float = 0.3,
        total_steps: int | None = None,
        begin: int = 0,
        end: int = INF,
        **kwargs: Any,
    ) -> None:
        base = (optimizer.optimizer if isinstance(optimizer, OptimWrapper) else optimizer).defaults['lr']
        factor = 1 if eta_max is None else eta_max / base
        highest = [factor * group['lr'] for group in optimizer.param_groups]
        steps = total_steps or end - begin
        if pct_start * steps == 1:  # MMEngine would divide by the steps of the rise less one
            pct_start -= 1e-3 / steps
        super().__init__(
            optimizer, eta_max=highest, pct_start=pct_start, total_steps=total_steps, begin=begin, end=end, **kwargs
        )
