"""The base of heads that answer with numbers about the whole image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aurora_mm.errors import ConfigError
from aurora_mm.models.heads.base_task_head import BaseTaskHead
from aurora_mm.models.utils.layers import TaskOutputs
from aurora_mm.tasks import Task

_POOLINGS = {'avg': (torch.mean,), 'avg_max': (torch.mean, torch.amax)}


class BasePooledHead(BaseTaskHead):
    """Compute the outputs of each task from the global averages of all levels.

    The averages are concatenated and pass through gated MLP blocks to one linear layer for each task.

    Legend: B images.

    Args:
        tasks: See :class:`BaseTaskHead`.
        in_channels: See :class:`BaseTaskHead`.
        hidden_channels: Number of channels of the MLP.
        num_blocks: Number of gated MLP blocks.
        pooling: 'avg' (as published), or 'avg_max' to concatenate the maximum of each channel as well. A small lesion
            changes the maximum, but hardly the average.
        dropout: Probability of dropping a feature before the last layer.
        share_outputs: Whether all tasks take slices of one last layer, as published; see :class:`TaskOutputs`.
        init_cfg: See :class:`BaseTaskHead`.

    Raises:
        ConfigError: If ``pooling`` is another.
    """

    def __init__(
        self,
        tasks: Sequence[Task | dict[str, Any]],
        in_channels: Sequence[int],
        hidden_channels: int = 1024,
        num_blocks: int = 2,
        pooling: str = 'avg',
        dropout: float = 0.0,
        share_outputs: bool = False,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(tasks, in_channels, init_cfg)
        if pooling not in _POOLINGS:
            raise ConfigError(f'pooling {pooling!r} is none of {", ".join(_POOLINGS)}')
        self.pools = _POOLINGS[pooling]
        features = len(self.pools) * sum(in_channels)
        self.stem = nn.Sequential(nn.LayerNorm(features), nn.Linear(features, hidden_channels))
        self.blocks = nn.Sequential(*(_GatedMLP(hidden_channels) for _ in range(num_blocks)))
        self.norm = nn.LayerNorm(hidden_channels)
        self.dropout = nn.Dropout(dropout)
        self.outputs = TaskOutputs(
            self.tasks, lambda n: nn.Linear(hidden_channels, n), lambda task: task.num_outputs, share_outputs
        )

    def forward(self, feats: Sequence[Tensor]) -> Tensor:
        """Compute the shared features ``(B, hidden_channels)``, see :class:`BaseTaskHead`."""
        return self.embed(self.pool(feats))

    def pool(self, feats: Sequence[Tensor]) -> Tensor:
        """Return the averages, and maxima if asked for, of all levels, ``(B, F)``. Levels are ``(B, C, h, w)``."""
        return torch.cat([pool(feat, (2, 3)) for feat in feats for pool in self.pools], dim=1)

    def embed(self, pooled: Tensor) -> Tensor:
        """Compute the shared features, ``(B, hidden_channels)``, from what :meth:`pool` returns."""
        return self.dropout(self.norm(self.blocks(self.stem(pooled))))


class _GatedMLP(nn.Module):
    """Residual block ``x + W(silu(gate(x)) * value(x))`` on ``(B, C)``, with a LayerNorm before it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.gate = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)
        self.out = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(x)
        return x + self.out(F.silu(self.gate(y)) * self.value(y))
