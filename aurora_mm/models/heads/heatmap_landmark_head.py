"""A landmark head that predicts a heatmap for each point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from aurora_mm.models.codecs import BaseLandmarkCodec, build_codec
from aurora_mm.models.heads.base_task_head import BaseTaskHead, require_network_coordinates
from aurora_mm.models.heads.landmark_head import labelled_landmarks, set_predicted_landmarks
from aurora_mm.models.heads.tasks_alike import for_tasks_alike
from aurora_mm.models.losses import CoordinateLoss, HeatmapLoss
from aurora_mm.models.utils.layers import TaskOutputs, TopDownFusion, coordinate_channels
from aurora_mm.registry import MODELS
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task


@MODELS.register_module()
class HeatmapLandmarkHead(BaseTaskHead):
    """Predict a heatmap for each point, after top-down fusion with coordinate channels; the codec decodes the points.

    Legend: B images, n of them of a task, K points, h x w cells of the finest level used, m cells of margin around them
    (see ``codec``).

    Args:
        tasks: See :class:`BaseTaskHead`.
        in_channels: See :class:`BaseTaskHead`.
        in_index: Indices of the levels to fuse, finest first; all by default.
        channels: Number of channels of the fusion.
        share_outputs: Whether all tasks take slices of one last layer; see :class:`TaskOutputs`.
        codec: Config of a :class:`BaseLandmarkCodec`.
        loss_landmark: Config of a loss of normalised points, see :class:`CoordinateLoss`; None leaves it out.
        loss_heatmap: Config of a loss of heatmaps, see :class:`HeatmapLoss`; None leaves it out.
        init_cfg: See :class:`BaseTaskHead`.

    Raises:
        ConfigError: If the codec or a loss does not fit, or both losses are None.
    """

    task_type = 'landmark'

    def __init__(
        self,
        tasks: Sequence[Task | dict[str, Any]],
        in_channels: Sequence[int],
        in_index: Sequence[int] | None = None,
        channels: int = 256,
        share_outputs: bool = False,
        codec: dict[str, Any] = dict(type='aurora_mm.HeatmapCodec', sigma=1.5),
        loss_landmark: dict[str, Any] | None = dict(type='mmdet.SmoothL1Loss', beta=0.05),
        loss_heatmap: dict[str, Any] | None = dict(type='mmdet.CrossEntropyLoss', loss_weight=0.05),
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(tasks, in_channels, init_cfg)
        self.in_index = list(range(len(self.in_channels)) if in_index is None else in_index)
        self.codec = build_codec(codec, BaseLandmarkCodec, type(self).__name__)
        self.require_one_of(loss_landmark=loss_landmark, loss_heatmap=loss_heatmap)
        self.loss_landmark = self.build_optional_loss(CoordinateLoss, 'loss_landmark', loss_landmark, dimensions=2)
        self.loss_heatmap = self.build_optional_loss(HeatmapLoss, 'loss_heatmap', loss_heatmap)
        # Tissue looks alike in many places, so the position in the image helps to tell points apart.
        self.fusion = TopDownFusion([self.in_channels[i] + 2 for i in self.in_index], channels, self.codec.margin)
        self.outputs = TaskOutputs(
            self.tasks, lambda n: nn.Conv2d(channels, n, 1), lambda task: task.num_outputs, share_outputs
        )

    def forward(self, feats: Sequence[Tensor]) -> Tensor:
        """Compute the shared features ``(B, channels, h + 2 m, w + 2 m)``, see :class:`BaseTaskHead`."""
        maps = [torch.cat([feats[i], coordinate_channels(feats[i])], dim=1) for i in self.in_index]
        return self.fusion(maps)

    @for_tasks_alike
    def loss_by_feat(self, output: Tensor, data_samples: Sequence[TaskDataSample], task: Task) -> dict[str, Tensor]:
        """Compute the losses, see :class:`BaseTaskHead`; ``output`` holds logits ``(n, K, h + 2 m, w + 2 m)``."""
        require_network_coordinates(data_samples)
        logits = output.float()
        target, weight = labelled_landmarks(data_samples, logits)
        losses = {}
        if self.loss_landmark is not None:
            losses['loss_landmark'] = self.loss_landmark(self._decode(logits), target, task, weight)
        if self.loss_heatmap is not None:
            h, w = (side - 2 * self.codec.margin for side in logits.shape[-2:])
            losses['loss_heatmap'] = self.loss_heatmap(logits, self.codec.encode(target, (h, w)), task, weight)
        return losses

    def predict_by_feat(self, output: Tensor, data_samples: Sequence[TaskDataSample], task: Task) -> None:
        """Set ``pred_landmarks``, ``(K, 2)`` x and y in original pixels."""
        set_predicted_landmarks(self._decode(output.float()), data_samples)

    def tensors_by_feat(self, output: Tensor, task: Task, ori_shape: tuple[int, int]) -> dict[str, Tensor]:
        """Return ``points``, see :class:`BaseTaskHead`."""
        height, width = ori_shape
        points = self._decode(output.float())
        return dict(points=torch.stack([points[..., 0] * width, points[..., 1] * height], dim=-1))

    def _decode(self, logits: Tensor) -> Tensor:
        """Return normalised points ``(n, K, 2)``, x and y."""
        return self.codec.decode(logits.flatten(2).softmax(2).unflatten(2, logits.shape[2:]))
