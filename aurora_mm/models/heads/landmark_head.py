"""The published landmark head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aurora_mm.models.heads.base_task_head import BaseTaskHead, require_network_coordinates, size_xy
from aurora_mm.models.losses import CoordinateLoss
from aurora_mm.models.utils.layers import TaskOutputs
from aurora_mm.models.utils.original_coordinates import points_to_original
from aurora_mm.registry import MODELS
from aurora_mm.structures import MultiTaskDataSample
from aurora_mm.tasks import Task


@MODELS.register_module()
class LandmarkHead(BaseTaskHead):
    """Means of the last map's tokens through an MLP to coordinates in [0, 1].

    Legend: B images, K points, G = ``pool_size``.

    Args:
        tasks, in_channels: See :class:`BaseTaskHead`; only the last map is read.
        hidden_channels: Width of the MLP.
        pool_size: The map is averaged over a grid of G x G areas, which the MLP reads side by side. The published 1
            is the mean of all tokens, which leaves it to the encoder to carry positions in its channels.
        share_outputs: Slice one last layer for all tasks, as published; see :class:`TaskOutputs`.
        loss_landmark: Config of a loss of normalised points, see :class:`CoordinateLoss`. With the published smooth L1
            of ``beta`` 1 it is half the square of the distance.
    """

    task_type = 'landmark'

    def __init__(
        self,
        tasks: Sequence[Task | dict],
        in_channels: Sequence[int],
        hidden_channels: int = 1024,
        pool_size: int = 1,
        share_outputs: bool = False,
        loss_landmark: dict[str, Any] = dict(type='mmdet.SmoothL1Loss', beta=1.0),
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(tasks, in_channels, init_cfg)
        self.pool_size = pool_size
        self.in_index = [len(in_channels) - 1]
        features = in_channels[-1] * pool_size**2
        self.mlp = nn.Sequential(
            nn.LayerNorm(features),
            nn.Linear(features, hidden_channels),
            nn.GELU(),
            nn.Linear(hidden_channels, hidden_channels),
            nn.GELU(),
        )
        self.outputs = TaskOutputs(
            self.tasks, lambda n: nn.Linear(hidden_channels, n), lambda task: 2 * task.num_outputs, share_outputs
        )
        self.loss_landmark = self.build_loss(CoordinateLoss, 'loss_landmark', loss_landmark, dimensions=2)

    def forward(self, feats: Sequence[Tensor], task: Task) -> Tensor:
        """Normalised coordinates ``(B, K, 2)``, x then y."""
        x = self.mlp(F.adaptive_avg_pool2d(feats[-1], self.pool_size).flatten(1))
        return self.outputs(x, task).float().sigmoid().unflatten(1, (-1, 2))

    def loss(
        self, feats: Sequence[Tensor], data_samples: Sequence[MultiTaskDataSample], task: Task
    ) -> dict[str, Tensor]:
        """The mean over points and images."""
        require_network_coordinates(data_samples)
        points = self(feats, task)
        target = torch.stack([sample.gt_landmarks / size_xy(sample) for sample in data_samples]).to(points)
        return dict(loss_landmark=self.loss_landmark(points, target, task))

    def predict(
        self, feats: Sequence[Tensor], data_samples: Sequence[MultiTaskDataSample], task: Task
    ) -> list[MultiTaskDataSample]:
        """Sets ``pred_landmarks`` in original pixels."""
        for points, sample in zip(self(feats, task), data_samples, strict=True):
            pixels = points * size_xy(sample).to(points)
            sample.pred_landmarks = points_to_original(pixels, sample.homography_matrix)
        return list(data_samples)
