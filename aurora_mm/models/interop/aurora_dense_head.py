"""The detection heads of aurora_mm as dense heads of mmdet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.model import BaseModule
from mmengine.structures import BaseDataElement, InstanceData
from torch import Tensor

from aurora_mm.registry import MODELS
from aurora_mm.structures import TaskBatch, TaskDataSample
from aurora_mm.tasks import Task


@MODELS.register_module()
class AuroraDenseHead(BaseModule):
    """A detection head of aurora_mm as the ``bbox_head`` of ``mmdet.SingleStageDetector``.

    It learns from any number of boxes in an image. :class:`GridDetectionHead` predicts one box in an image,
    :class:`DenseDetectionHead` any number.

    Legend: B images, K classes.

    Args:
        in_channels: Channels of each level of the neck, finest first.
        num_classes: K; there is no background class.
        head: Registered name of the head.
        train_cfg: Not used; the detector passes it on.
        test_cfg: Not used; the detector passes it on.
        kwargs: Further arguments of the head.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        num_classes: int,
        head: str = 'aurora_mm.GridDetectionHead',
        train_cfg: Any = None,
        test_cfg: Any = None,
        init_cfg: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(init_cfg)
        self.num_classes = num_classes
        self.task = Task('bbox_head', 'detection', classes=tuple(f'class_{i}' for i in range(num_classes)))
        self.head = MODELS.build(dict(type=head, tasks=[self.task], in_channels=list(in_channels), **kwargs))

    def forward(self, x: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Compute logits of scores ``(B, K, h, w)`` and boxes ``(B, 4, h, w)``, xyxy normalised by the input."""
        (output,) = self.head.task_outputs(x, [TaskBatch(self.task, None, [])])
        return self.head.split(output)

    def loss(self, x: Sequence[Tensor], batch_data_samples: Sequence[BaseDataElement]) -> dict[str, Tensor]:
        """Compute the losses of the head; annotated boxes are xyxy in pixels of the network input."""
        samples = [_as_network_sample(sample) for sample in batch_data_samples]
        (losses,) = self.head.loss(x, [TaskBatch(self.task, None, samples)])
        return {name: values.mean() for name, values in losses.items()}

    def predict(
        self, x: Sequence[Tensor], batch_data_samples: Sequence[BaseDataElement], rescale: bool = False
    ) -> list[InstanceData]:
        """Predict the boxes of each image, xyxy in pixels of the network input, or original pixels if ``rescale``."""
        samples = []
        for sample in batch_data_samples:
            matrix, shape = np.eye(3), tuple(sample.img_shape)
            if rescale:
                matrix, shape = np.diag([*sample.scale_factor, 1.0]), tuple(sample.ori_shape)
            size = tuple(sample.get('batch_input_shape', sample.img_shape))
            samples.append(TaskDataSample(metainfo=dict(homography_matrix=matrix, ori_shape=shape[:2], img_shape=size)))
        self.head.predict(x, [TaskBatch(self.task, None, samples)])
        return [sample.pred_instances for sample in samples]


def _as_network_sample(sample: BaseDataElement) -> TaskDataSample:
    # A batch is padded on the right and at the bottom, so coordinates do not change; the network input is padded.
    size = tuple(sample.get('batch_input_shape', sample.img_shape))
    mine = TaskDataSample(metainfo=dict(gt_coordinates='network', img_path=sample.get('img_path'), img_shape=size))
    boxes = sample.gt_instances.bboxes
    boxes = getattr(boxes, 'tensor', boxes)  # mmdet may keep them in a class of its own
    mine.gt_instances = InstanceData(bboxes=boxes, labels=sample.gt_instances.labels)
    return mine
