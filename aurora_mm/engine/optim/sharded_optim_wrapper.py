"""Averaging and clipping of the gradients of a sharded model."""

from __future__ import annotations

import torch
from mmengine.dist import all_reduce
from torch import Tensor
from torch.distributed.tensor import DTensor

from aurora_mm.engine.device_history import log_tensor
from aurora_mm.engine.optim.autocast_optim_wrapper import AutocastOptimWrapper
from aurora_mm.engine.optim.average_gradients import average_gradients
from aurora_mm.models.utils.sharded_tensors import local_part
from aurora_mm.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class ShardedOptimWrapper(AutocastOptimWrapper):
    """Updates a model of which :class:`aurora_mm.engine.ShardedStrategy` shards the encoder's blocks.

    FSDP averages the gradients of the blocks in the backward pass. Those of the other parameters are averaged here at
    each update. The gradient is clipped by its norm over all parameters and ranks; MMEngine's wrapper would clip each
    rank's part by a norm of its own.
    """

    @property
    def averages(self) -> bool:
        """Always True, because nothing else averages the gradients of parameters that are not sharded."""
        return True

    def average_pending(self) -> None:
        """Average the gradients of the parameters that are not sharded."""
        average_gradients([p for p in self._parameters() if not isinstance(p, DTensor)])

    def _clip_grad(self) -> None:
        """Scale the gradients to a norm of at most ``max_norm``."""
        gradients = [p.grad for group in self.optimizer.param_groups for p in group['params'] if p.grad is not None]
        sharded = self._square([local_part(grad) for grad in gradients if isinstance(grad, DTensor)])
        all_reduce(sharded)
        norm = (sharded + self._square([grad for grad in gradients if not isinstance(grad, DTensor)])).sqrt()
        scale = (self.clip_grad_kwargs['max_norm'] / (norm + 1e-6)).clamp(max=1.0)
        for gradient in gradients:
            local_part(gradient).mul_(scale)
        log_tensor(self.message_hub, f'train/{self.grad_name}', norm)

    def _square(self, gradients: list[Tensor]) -> Tensor:
        device = local_part(self.optimizer.param_groups[0]['params'][0]).device
        return sum((grad.float().square().sum() for grad in gradients), torch.zeros((), device=device))
