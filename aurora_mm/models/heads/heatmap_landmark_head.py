"""Landmarks found as the mean positions of probability maps."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aurora_mm.models.codecs import HeatmapCodec
from aurora_mm.models.heads.base_task_head import BaseTaskHead, require_network_coordinates, size_xy
from aurora_mm.models.utils.layers import TaskOutputs, TopDownFusion, coordinate_channels
from aurora_mm.models.utils.original_coordinates import points_to_original
from aurora_mm.registry import MODELS
from aurora_mm.structures import MultiTaskDataSample
from aurora_mm.tasks import Task


@MODELS.register_module()
class HeatmapLandmarkHead(BaseTaskHead):
    """Top-down fusion of all levels and coordinate channels, then one map a point.

    Legend: B images, K points, h x w the finest level used.

    Args:
        tasks, in_channels: See :class:`BaseTaskHead`.
        in_index: Levels to fuse, finest first; all by default.
        channels: Width of the fusion.
        sigma: Of the target's Gaussian, in cells of the finest level used.
        map_weight: Weight of the cross entropy between the target's and the predicted map.
        beta: Where smooth L1 on normalised coordinates turns from square to linear.
        share_outputs: Slice one last layer for all tasks; see :class:`TaskOutputs`.
    """

    task_type = 'landmark'

    def __init__(
        self,
        tasks: Sequence[Task | dict],
        in_channels: Sequence[int],
        in_index: Sequence[int] | None = None,
        channels: int = 256,
        sigma: float = 1.5,
        map_weight: float = 0.05,
        beta: float = 0.05,
        share_outputs: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(tasks, in_channels, init_cfg)
        self.in_index = list(range(len(self.in_channels)) if in_index is None else in_index)
        self.map_weight = map_weight
        self.beta = beta
        self.codec = HeatmapCodec(sigma)
        # Tissue looks alike in many places: where a point may be is part of what it is.
        self.fusion = TopDownFusion([self.in_channels[i] + 2 for i in self.in_index], channels)
        self.outputs = TaskOutputs(
            self.tasks, lambda n: nn.Conv2d(channels, n, 1), lambda task: task.num_outputs, share_outputs
        )

    def forward(self, feats: Sequence[Tensor], task: Task) -> Tensor:
        """Log-probabilities of the cells, ``(B, K, h, w)``."""
        maps = [torch.cat([feats[i], coordinate_channels(feats[i])], dim=1) for i in self.in_index]
        logits = self.outputs(self.fusion(maps), task).float()
        return logits.flatten(2).log_softmax(2).unflatten(2, logits.shape[2:])

    def loss(
        self, feats: Sequence[Tensor], data_samples: Sequence[MultiTaskDataSample], task: Task
    ) -> dict[str, Tensor]:
        """Smooth L1 on normalised coordinates, and cross entropy of the maps, the mean over images and points."""
        require_network_coordinates(data_samples)
        log_maps = self(feats, task)
        target = torch.stack([sample.gt_landmarks / size_xy(sample) for sample in data_samples]).to(log_maps)
        wanted = self.codec.encode(target, (log_maps.shape[-2], log_maps.shape[-1]))
        return dict(
            loss_point=F.smooth_l1_loss(self.codec.decode(log_maps.exp()), target, beta=self.beta),
            loss_map=-self.map_weight * (wanted * log_maps).sum((2, 3)).mean(),
        )

    def predict(
        self, feats: Sequence[Tensor], data_samples: Sequence[MultiTaskDataSample], task: Task
    ) -> list[MultiTaskDataSample]:
        """Sets ``pred_landmarks`` in original pixels."""
        for points, sample in zip(self.codec.decode(self(feats, task).exp()), data_samples, strict=True):
            sample.pred_landmarks = points_to_original(points * size_xy(sample).to(points), sample.homography_matrix)
        return list(data_samples)
