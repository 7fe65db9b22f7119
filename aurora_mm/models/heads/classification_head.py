"""The published classification head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aurora_mm.errors import ConfigError
from aurora_mm.models.heads.base_task_head import BaseTaskHead
from aurora_mm.models.losses import ClassLoss
from aurora_mm.models.utils.layers import TaskOutputs
from aurora_mm.registry import MODELS
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task

_POOLINGS = {'avg': (torch.mean,), 'avg_max': (torch.mean, torch.amax)}


@MODELS.register_module()
class ClassificationHead(BaseTaskHead):
    """Global averages of all levels, side by side, through gated MLP blocks to a linear layer a task.

    Args:
        tasks, in_channels: See :class:`BaseTaskHead`.
        hidden_channels: Width of the MLP.
        num_blocks: Gated MLP blocks.
        pooling: 'avg' (published), or 'avg_max' to set the maximum of each channel beside its average: a small lesion
            moves the maximum, hardly the average.
        dropout: Probability of dropping a feature before the last layer.
        share_outputs: Slice one last layer for all tasks, as published; see :class:`TaskOutputs`.
        loss_cls: Config of a loss of class logits ``(B, C)``, see :class:`ClassLoss`. The published one is plain cross
            entropy; ``dict(type='BalancedCrossEntropyLoss', label_smoothing=0.1)`` smooths labels.
    """

    task_type = 'classification'

    def __init__(
        self,
        tasks: Sequence[Task | dict],
        in_channels: Sequence[int],
        hidden_channels: int = 1024,
        num_blocks: int = 2,
        pooling: str = 'avg',
        dropout: float = 0.0,
        share_outputs: bool = False,
        loss_cls: dict[str, Any] = dict(type='mmdet.CrossEntropyLoss'),
        init_cfg: dict | None = None,
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
        self.loss_cls = self.build_loss(ClassLoss, 'loss_cls', loss_cls)

    def forward(self, feats: Sequence[Tensor]) -> Tensor:
        """See :class:`BaseTaskHead`: ``(B, hidden_channels)``."""
        x = torch.cat([pool(feat, (2, 3)) for feat in feats for pool in self.pools], dim=1)
        return self.dropout(self.norm(self.blocks(self.stem(x))))

    def loss_by_feat(self, output: Tensor, data_samples: Sequence[TaskDataSample], task: Task) -> dict[str, Tensor]:
        """See :class:`BaseTaskHead`; ``output`` holds logits ``(n, num_classes)``."""
        target = torch.cat([sample.gt_label for sample in data_samples])
        return dict(loss_cls=self.loss_cls(output.float(), target, task))

    def predict_by_feat(self, output: Tensor, data_samples: Sequence[TaskDataSample], task: Task) -> None:
        """Set ``pred_scores`` and ``pred_label``."""
        for probs, sample in zip(output.float().softmax(1), data_samples, strict=True):
            sample.pred_scores = probs
            sample.pred_label = probs.argmax(0, keepdim=True)


class _GatedMLP(nn.Module):
    """Residual block ``x + W(silu(gate(x)) * value(x))`` on (B, C), after a LayerNorm."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.gate = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)
        self.out = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(x)
        return x + self.out(F.silu(self.gate(y)) * self.value(y))
