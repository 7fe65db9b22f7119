"""What detection heads with a score and a box in every cell have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.structures import InstanceData
from torch import Tensor

from aurora_mm.models.codecs import BaseBoxCodec, BoxTargets, build_codec
from aurora_mm.models.heads.base_task_head import BaseTaskHead, input_sizes, require_network_coordinates
from aurora_mm.models.losses import CoordinateLoss, ScoreLoss
from aurora_mm.models.utils.original_coordinates import boxes_to_original
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task


class BaseDetectionHead(BaseTaskHead):
    """A head that gives a score for each class and a box in every cell of a grid.

    The last layer of a task gives ``(n, 4 + K, h, w)``: what the codec makes boxes of, xyxy normalised by the network
    input, and logits of the scores. :meth:`score_loss` of a subclass says what the scores are to be.

    Legend: n images of a task, K classes, h x w cells.

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
        """Compute the loss of the scores, ``(n,)``.

        Args:
            logits: ``(n, K, h, w)``.
            boxes: ``(n, 4, h, w)``, what the cells answer.
            targets: What the codec made of the annotations.
            task: The task.
        """
        raise NotImplementedError

    def split(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of scores ``(n, K, h, w)`` and boxes ``(n, 4, h, w)`` of raw outputs ``(n, 4 + K, h, w)``."""
        output = output.float()
        return output[:, 4:], self.codec.place(output[:, :4])

    def loss_by_feat(self, output: Tensor, data_samples: Sequence[TaskDataSample], task: Task) -> dict[str, Tensor]:
        """See :class:`BaseTaskHead`: losses of the scores in all cells, and of the boxes in the cells that have one."""
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
        """Set ``pred_instances`` in original pixels, the surest box first; there is at least one."""
        logits, boxes = self.split(output)
        sizes = input_sizes(data_samples, boxes).repeat(1, 2)
        for found, size, sample in zip(self.codec.decode(logits.sigmoid(), boxes), sizes, data_samples, strict=True):
            sample.pred_instances = InstanceData(
                bboxes=boxes_to_original(found.bboxes * size, sample.homography_matrix, sample.ori_shape),
                scores=found.scores,
                labels=found.labels,
            )
