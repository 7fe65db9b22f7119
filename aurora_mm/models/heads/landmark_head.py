"""The landmark head of the paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from aurora_mm.models.heads.base_task_head import BaseTaskHead, input_sizes, require_network_coordinates
from aurora_mm.models.heads.tasks_alike import for_tasks_alike
from aurora_mm.models.losses import CoordinateLoss
from aurora_mm.models.utils.average_cells import average_cells
from aurora_mm.models.utils.layers import TaskOutputs
from aurora_mm.models.utils.original_coordinates import points_to_original
from aurora_mm.registry import MODELS
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task


@MODELS.register_module()
class LandmarkHead(BaseTaskHead):
    """Regress normalised coordinates from the average of the last map by an MLP.

    Legend: B images, n of them of a task, K points, G = ``pool_size``.

    Args:
        tasks: See :class:`BaseTaskHead`.
        in_channels: See :class:`BaseTaskHead`; only the last map is read.
        hidden_channels: Number of channels of the MLP.
        pool_size: The map is averaged over G x G areas, which are concatenated for the MLP. The published value is 1,
            the average of the whole map; the encoder then has to carry positions in its channels.
        share_outputs: Whether all tasks take slices of one last layer, as published; see :class:`TaskOutputs`.
        loss_landmark: Config of a loss of normalised points, see :class:`CoordinateLoss`. The published smooth L1 loss
            with ``beta`` 1 equals half the squared difference of each coordinate, since these differ by less than 1.
        init_cfg: See :class:`BaseTaskHead`.

    Raises:
        ConfigError: If the loss does not fit.
    """

    task_type = 'landmark'

    def __init__(
        self,
        tasks: Sequence[Task | dict[str, Any]],
        in_channels: Sequence[int],
        hidden_channels: int = 1024,
        pool_size: int = 1,
        share_outputs: bool = False,
        loss_landmark: dict[str, Any] = dict(type='mmdet.SmoothL1Loss', beta=1.0),
        init_cfg: dict[str, Any] | None = None,
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
        """Compute the shared features ``(B, hidden_channels)``, see :class:`BaseTaskHead`."""
        return self.mlp(average_cells(feats[-1], (self.pool_size, self.pool_size)).flatten(1))

    @for_tasks_alike
    def loss_by_feat(self, output: Tensor, data_samples: Sequence[TaskDataSample], task: Task) -> dict[str, Tensor]:
        """Compute the loss, see :class:`BaseTaskHead`; ``output`` is ``(n, 2 K)``."""
        require_network_coordinates(data_samples)
        points = _to_points(output)
        target, weight = labelled_landmarks(data_samples, points)
        return dict(loss_landmark=self.loss_landmark(points, target, task, weight))

    def predict_by_feat(self, output: Tensor, data_samples: Sequence[TaskDataSample], task: Task) -> None:
        """Set ``pred_landmarks``, ``(K, 2)`` x and y in original pixels."""
        set_predicted_landmarks(_to_points(output), data_samples)

    def tensors_by_feat(self, output: Tensor, task: Task, ori_shape: tuple[int, int]) -> dict[str, Tensor]:
        """Return ``points``, see :class:`BaseTaskHead`."""
        height, width = ori_shape
        points = _to_points(output)
        return dict(points=torch.stack([points[..., 0] * width, points[..., 1] * height], dim=-1))


def _to_points(output: Tensor) -> Tensor:
    """Convert raw outputs ``(n, 2 K)`` to normalised points ``(n, K, 2)``, x and y."""
    return output.float().sigmoid().unflatten(1, (-1, 2))


def labelled_landmarks(data_samples: Sequence[TaskDataSample], like: Tensor) -> tuple[Tensor, Tensor]:
    """Return the annotated points and their weights in a loss.

    Args:
        data_samples: Samples of n images in network coordinates. Points that are not labelled are nan.
        like: Tensor of the dtype and on the device of the results.

    Returns:
        Points ``(n, K, 2)``, normalised by the network input; the centre for a point that is not labelled. And weights
        ``(n, K)``: 1 / number of labelled points of the image, 0 for a point that is not labelled.
    """
    points = torch.stack([sample.gt_landmarks for sample in data_samples]).to(like)
    is_labelled = points.isnan().any(-1).logical_not()
    weight = is_labelled.to(like) / is_labelled.sum(1, keepdim=True).clamp(min=1)
    points = points / input_sizes(data_samples, like)[:, None]
    return points.where(is_labelled[..., None], 0.5), weight


def set_predicted_landmarks(points: Tensor, data_samples: Sequence[TaskDataSample]) -> None:
    """Set ``pred_landmarks`` in original pixels from points ``(n, K, 2)``, x and y normalised by the network input."""
    pixels = points * input_sizes(data_samples, points)[:, None]
    for found, sample in zip(pixels, data_samples, strict=True):
        sample.pred_landmarks = points_to_original(found, sample.homography_matrix)
