"""A running mean of the weights, which ``EMAHook`` validates and keeps."""

from __future__ import annotations

import torch
from mmengine.model import MomentumAnnealingEMA as MMEngineMomentumAnnealingEMA
from torch import Tensor, nn

from aurora_mm.models.utils.sharded_tensors import local_part
from aurora_mm.registry import MODELS


@MODELS.register_module()
class MomentumAnnealingEMA(MMEngineMomentumAnnealingEMA):
    """MMEngine's, which moves all weights by one operation.

    MMEngine's moves each weight by an operation of its own. For a large encoder that is hundreds in each training step,
    and a GPU waits for the host to queue them. The means are the same.

    Args:
        args: See MMEngine's class.
        kwargs: See MMEngine's class.
    """

    def update_parameters(self, model: nn.Module) -> None:
        """See ``BaseAveragedModel.update_parameters``."""
        momentum = max(self.momentum, self.gamma / (self.gamma + int(self.steps)))
        self._means: list[Tensor] = []
        self._weights: list[Tensor] = []
        super().update_parameters(model)  # calls avg_func for each weight
        if self._means:
            torch._foreach_lerp_(self._means, self._weights, momentum)
        del self._means, self._weights

    def avg_func(self, averaged_param: Tensor, source_param: Tensor, steps: Tensor) -> None:
        """Remember a weight for :meth:`update_parameters`."""
        self._means.append(local_part(averaged_param))
        self._weights.append(local_part(source_param))
