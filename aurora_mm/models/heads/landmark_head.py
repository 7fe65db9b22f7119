"""The published landmark head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aurora_mm.models.heads.base_task_head import BaseTaskHead, input_sizes, require_network_coordinates
from aurora_mm.models.losses import CoordinateLoss
from aurora_mm.models.utils.layers import TaskOutputs
from aurora_mm.models.utils.original_coordinates import points_to_original
from aurora_mm.registry import MODELS
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task


@MODELS.register_module()
class LandmarkHead(BaseTaskHead):
    """Means of the last map's tokens through an MLP to coordinates in [0, 1].

    Legend: B images, n of them of a task, K points, G = ``pool_size``.

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

    def forward(self, feats: Sequence[Tensor]) -> Tensor:
        """See :class:`BaseTaskHead`: ``(B, hidden_channels)``."""
        return self.mlp(F.adaptive_avg_pool2d(feats[-1], self.pool_size).flatten(1))

    def loss_by_feat(self, output: Tensor, data_samples: Sequence[TaskDataSample], task: Task) -> dict[str, Tensor]:
        """See :class:`BaseTaskHead`."""
        require_network_coordinates(data_samples)
        points = _to_points(output)
        target = normalised_landmarks(data_samples, points)
        return dict(loss_landmark=self.loss_landmark(points, target, task))

    def predict_by_feat(self, output: Tensor, data_samples: Sequence[TaskDataSample], task: Task) -> None:
        """Set ``pred_landmarks`` in original pixels."""
        set_predicted_landmarks(_to_points(output), data_samples)


def _to_points(output: Tensor) -> Tensor:
    """Normalised points ``(n, K, 2)``, x then y, of raw outputs ``(n, 2 K)``."""
    return output.float().sigmoid().unflatten(1, (-1, 2))


def normalised_landmarks(data_samples: Sequence[TaskDataSample], like: Tensor) -> Tensor:
    """``(n, K, 2)``: the annotated points, normalised by the size of the network input, in the dtype of ``like``."""
    points = torch.stack([sample.gt_landmarks for sample in data_samples]).to(like)
    return points / input_sizes(data_samples, like)[:, None]


def set_predicted_landmarks(points: Tensor, data_samples: Sequence[TaskDataSample]) -> None:
    """Set ``pred_landmarks`` in original pixels from points ``(n, K, 2)`` normalised by the network input."""
    pixels = points * input_sizes(data_samples, points)[:, None]
    for found, sample in zip(pixels, data_samples, strict=True):
        sample.pred_landmarks = points_to_original(found, sample.homography_matrix)
