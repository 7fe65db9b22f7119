"""Gradient clipping for a sharded model."""

from __future__ import annotations

import torch
from mmengine.dist import all_reduce

from aurora_mm.engine.device_history import log_tensor
from aurora_mm.engine.optim.autocast_optim_wrapper import AutocastOptimWrapper
from aurora_mm.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class ShardedOptimWrapper(AutocastOptimWrapper):
    """Clips by the norm of the whole gradient if each rank holds only a shard of it (FSDP, full sharding).

    MMEngine's wrapper clips by the norm of each rank's own shard, so that shards are scaled differently.
    """

    def _clip_grad(self) -> None:
        """Scale the gradients of the shards to a norm of at most ``max_norm`` over all ranks."""
        parameters = [p for group in self.optimizer.param_groups for p in group['params'] if p.grad is not None]
        device = self.optimizer.param_groups[0]['params'][0].device
        square = sum((p.grad.float().square().sum() for p in parameters), torch.zeros((), device=device))
        all_reduce(square)
        norm = square.sqrt()
        scale = (self.clip_grad_kwargs['max_norm'] / (norm + 1e-6)).clamp(max=1.0)
        for parameter in parameters:
            parameter.grad.mul_(scale)
        log_tensor(self.message_hub, f'train/{self.grad_name}', norm)
