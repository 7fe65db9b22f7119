"""The base of detection heads that predict a score and a box in every cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.structures import InstanceData
from torch import Tensor

from aurora_mm.models.codecs import BaseBoxCodec, BoxTargets, build_codec
from aurora_mm.models.heads.base_task_head import BaseTaskHead, input_sizes, require_network_coordinates
from aurora_mm.models.heads.tasks_alike import for_tasks_alike, takes_tasks_alike
from aurora_mm.models.losses import CoordinateLoss, ScoreLoss
from aurora_mm.models.utils.original_coordinates import boxes_to_original
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task


class BaseDetectionHead(BaseTaskHead):
    """A head that predicts a score for each class and a box in every cell of a grid.

    The last layer of a task has the shape ``(n, 4 + K, h, w)``: 4 channels that the codec turns into a box (xyxy,
    normalised by the network input) and K logits of the scores. A subclass defines the targets of the scores in
    :meth:`score_loss`.

    Legend: n images of a task, K classes (without background), h x w cells.

    Args:
        tasks: See :class:`BaseTaskHead`.
        in_channels: See :class:`BaseTaskHead`.
        codec: Config of a :class:`BaseBoxCodec`.
        loss_cls: Config of a loss of score maps, see :class:`ScoreLoss`.
        loss_bbox: Config of a loss of normalised coordinates, see :class:`CoordinateLoss`; None leaves it out.
        loss_iou: Config of a loss of overlap, see :class:`CoordinateLoss`; None leaves it out.
        init_cfg: See :class:`BaseTaskHead`.

    Raises:
        ConfigError: If the codec or a loss does not fit, or both losses of boxes are None.
    """

    task_type = 'detection'

    def __init__(
        self,
        tasks: Sequence[Task | dict[str, Any]],
        in_channels: Sequence[int],
        codec: dict[str, Any],
        loss_cls: dict[str, Any],
        loss_bbox: dict[str, Any] | None,
        loss_iou: dict[str, Any] | None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(tasks, in_channels, init_cfg)
        self.codec = build_codec(codec, BaseBoxCodec, type(self).__name__)
        self.require_one_of(loss_bbox=loss_bbox, loss_iou=loss_iou)
        self.loss_cls = self.build_loss(ScoreLoss, 'loss_cls', loss_cls)
        self.loss_bbox = self.build_optional_loss(CoordinateLoss, 'loss_bbox', loss_bbox, dimensions=4)
        self.loss_iou = self.build_optional_loss(CoordinateLoss, 'loss_iou', loss_iou, dimensions=4)

    def score_loss(self, logits: Tensor, boxes: Tensor, targets: BoxTargets, task: Task) -> Tensor:
        """Compute the loss of the scores, ``(n,)``.

        Args:
            logits: Logits of the scores, ``(n, K, h, w)``.
            boxes: Predicted boxes, ``(n, 4, h, w)``, xyxy, normalised by the network input.
            targets: The annotations, encoded by the codec.
            task: The task.
        """
        raise NotImplementedError

    @property
    def joins_tasks(self) -> bool:
        """See :class:`BaseTaskHead`; :meth:`score_loss` must be marked too."""
        return super().joins_tasks and takes_tasks_alike(self.score_loss)

    def split(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """Split raw outputs ``(n, 4 + K, h, w)`` into logits ``(n, K, h, w)`` and boxes ``(n, 4, h, w)``, xyxy."""
        output = output.float()
        return output[:, 4:], self.codec.place(output[:, :4])

    @for_tasks_alike
    def loss_by_feat(self, output: Tensor, data_samples: Sequence[TaskDataSample], task: Task) -> dict[str, Tensor]:
        """Compute the loss of the scores in all cells, and those of the boxes in the cells that have a box.

        Arguments as in :class:`BaseTaskHead`; ``output`` is ``(n, 4 + K, h, w)``.
        """
        require_network_coordinates(data_samples)
        logits, boxes = self.split(output)
        targets = self._encode(data_samples, task, logits)
        losses = dict(loss_cls=self.score_loss(logits, boxes, targets, task))
        found, wanted = (x.flatten(2).transpose(1, 2) for x in (boxes, targets.boxes))  # (n, h w, 4)
        for name in ('loss_bbox', 'loss_iou'):
            if (loss := getattr(self, name)) is not None:
                losses[name] = loss(found, wanted, task, targets.weights.flatten(1))
        return losses

    def _encode(self, data_samples: Sequence[TaskDataSample], task: Task, like: Tensor) -> BoxTargets:
        sizes = input_sizes(data_samples, like).repeat(1, 2)
        boxes = [sample.gt_instances.bboxes.to(like) / size for sample, size in zip(data_samples, sizes, strict=True)]
        labels = [sample.gt_instances.labels for sample in data_samples]
        return self.codec.encode(boxes, labels, task.num_outputs, (like.shape[-2], like.shape[-1]))

    def predict_by_feat(self, output: Tensor, data_samples: Sequence[TaskDataSample], task: Task) -> None:
        """Set ``pred_instances``: boxes that the codec decodes, xyxy in original pixels, by falling score."""
        logits, boxes = self.split(output)
        sizes = input_sizes(data_samples, boxes).repeat(1, 2)
        for found, size, sample in zip(self.codec.decode(logits.sigmoid(), boxes), sizes, data_samples, strict=True):
            sample.pred_instances = InstanceData(
                bboxes=boxes_to_original(found.bboxes * size, sample.homography_matrix, sample.ori_shape),
                scores=found.scores,
                labels=found.labels,
            )

    def tensors_by_feat(self, output: Tensor, task: Task, ori_shape: tuple[int, int]) -> dict[str, Tensor]:
        """Return ``boxes``, ``scores``, ``labels`` and ``count``, see :class:`BaseTaskHead`."""
        height, width = ori_shape
        logits, boxes = self.split(output)
        found = self.codec.decode_fixed(logits.sigmoid(), boxes)
        x1, y1, x2, y2 = found.boxes.clamp(0, 1).unbind(-1)
        pixels = torch.stack([x1 * width, y1 * height, x2 * width, y2 * height], dim=-1)
        return dict(boxes=pixels, scores=found.scores, labels=found.labels, count=found.num_boxes)
