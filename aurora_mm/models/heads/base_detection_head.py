"""What detection heads with a score and a box in every cell have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.structures import InstanceData
from torch import Tensor

from aurora_mm.models.codecs import BaseBoxCodec, BoxTargets, build_codec
from aurora_mm.models.heads.base_task_head import BaseTaskHead, require_network_coordinates, size_xy
from aurora_mm.models.losses import CoordinateLoss, ScoreLoss
from aurora_mm.models.utils.original_coordinates import boxes_to_original
from aurora_mm.structures import MultiTaskDataSample
from aurora_mm.tasks import Task


class BaseDetectionHead(BaseTaskHead):
    """A head that gives a score for each class and a box in every cell of a grid.

    ``forward`` of a subclass gives logits of scores ``(B, K, h, w)`` and boxes ``(B, 4, h, w)``, xyxy normalised by the
    input's size; :meth:`score_loss` says what the scores are to be.

    Legend: B images, K classes, h x w cells.

    Args:
        tasks, in_channels: See :class:`BaseTaskHead`.
        codec: Config of a :class:`BaseBoxCodec`.
        loss_cls: Config of a loss of score maps, see :class:`ScoreLoss`.
        loss_bbox: Config of a loss of normalised coordinates, see :class:`CoordinateLoss`; None leaves it out.
        loss_iou: Config of a loss of overlap, see :class:`CoordinateLoss`; None leaves it out.

    Raises:
        ConfigError: If the codec or a loss does not fit, or boxes would have no loss.
    """

    task_type = 'detection'

    def __init__(
        self,
        tasks: Sequence[Task | dict],
        in_channels: Sequence[int],
        codec: dict[str, Any],
        loss_cls: dict[str, Any],
        loss_bbox: dict[str, Any] | None,
        loss_iou: dict[str, Any] | None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(tasks, in_channels, init_cfg)
        self.codec = build_codec(codec, BaseBoxCodec, type(self).__name__)
        self.require_one_of(loss_bbox=loss_bbox, loss_iou=loss_iou)
        self.loss_cls = self.build_loss(ScoreLoss, 'loss_cls', loss_cls)
        self.loss_bbox = self.build_loss(CoordinateLoss, 'loss_bbox', loss_bbox, dimensions=4)
        self.loss_iou = self.build_loss(CoordinateLoss, 'loss_iou', loss_iou, dimensions=4)

    def score_loss(self, logits: Tensor, boxes: Tensor, targets: BoxTargets, task: Task) -> Tensor:
        """The mean over the images of the loss of the scores.

        Args:
            logits: ``(B, K, h, w)``.
            boxes: ``(B, 4, h, w)``, what the cells answer.
            targets: What the codec made of the annotations.
            task: The task.
        """
        raise NotImplementedError

    def loss(
        self, feats: Sequence[Tensor], data_samples: Sequence[MultiTaskDataSample], task: Task
    ) -> dict[str, Tensor]:
        """Means over the images: of the scores in all cells, of the boxes in the cells that have one."""
        require_network_coordinates(data_samples)
        logits, boxes = self(feats, task)
        targets = self._encode(data_samples, task, logits)
        losses = dict(loss_cls=self.score_loss(logits, boxes, targets, task))
        found, wanted = (x.flatten(2).transpose(1, 2) for x in (boxes, targets.boxes))  # (B, h w, 4)
        for name in ('loss_bbox', 'loss_iou'):
            if (loss := getattr(self, name)) is not None:
                losses[name] = loss(found, wanted, task, targets.weights.flatten(1))
        return losses

    def _encode(self, data_samples: Sequence[MultiTaskDataSample], task: Task, like: Tensor) -> BoxTargets:
        boxes, labels = [], []
        for sample in data_samples:
            boxes.append(sample.gt_instances.bboxes.to(like) / size_xy(sample).to(like).repeat(2))
            labels.append(sample.gt_instances.labels.to(like.device))
        return self.codec.encode(boxes, labels, task.num_outputs, (like.shape[-2], like.shape[-1]))

    def predict(
        self, feats: Sequence[Tensor], data_samples: Sequence[MultiTaskDataSample], task: Task
    ) -> list[MultiTaskDataSample]:
        """Sets ``pred_instances`` in original pixels, the surest box first; there is at least one."""
        logits, boxes = self(feats, task)
        for found, sample in zip(self.codec.decode(logits.sigmoid(), boxes), data_samples, strict=True):
            pixels = found.bboxes * size_xy(sample).to(boxes).repeat(2)
            sample.pred_instances = InstanceData(
                bboxes=boxes_to_original(pixels, sample.homography_matrix, sample.ori_shape),
                scores=found.scores,
                labels=found.labels,
            )
        return list(data_samples)
