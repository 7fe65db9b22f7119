"""The segmentation head of aurora_mm as a decode head of mmseg."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmengine.structures import BaseDataElement, PixelData
from torch import Tensor

from aurora_mm.models.heads import SegmentationHead
from aurora_mm.registry import MODELS
from aurora_mm.structures import TaskBatch, TaskDataSample
from aurora_mm.tasks import Task


@MODELS.register_module()
class AuroraDecodeHead(BaseModule):
    """:class:`SegmentationHead` as the ``decode_head`` of ``mmseg.EncoderDecoder``.

    Legend: B images, C classes (background counted), H x W pixels of the network input.

    Args:
        in_channels: Channels of each level of the neck, finest first.
        num_classes: C, with the background as class 0.
        kwargs: Further arguments of :class:`SegmentationHead`.
    """

    align_corners = False

    def __init__(
        self, in_channels: Sequence[int], num_classes: int, init_cfg: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(init_cfg)
        self.num_classes = self.out_channels = num_classes
        self.task = Task('decode_head', 'segmentation', classes=tuple(f'class_{i}' for i in range(num_classes)))
        self.head = SegmentationHead([self.task], in_channels, **kwargs)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Compute logits ``(B, C, h, w)`` at the size of the finest level."""
        (logits,) = self.head.task_outputs(inputs, [TaskBatch(self.task, None, [])])
        return logits

    def loss(
        self, inputs: Sequence[Tensor], batch_data_samples: Sequence[BaseDataElement], train_cfg: Any
    ) -> dict[str, Tensor]:
        """Compute the losses of the head; ``train_cfg`` is not used, and pixels of value 255 do not count."""
        samples = [_as_network_sample(sample) for sample in batch_data_samples]
        (losses,) = self.head.loss(inputs, [TaskBatch(self.task, None, samples)])
        return {name: values.mean() for name, values in losses.items()}

    def predict(self, inputs: Sequence[Tensor], batch_img_metas: Sequence[dict[str, Any]], test_cfg: Any) -> Tensor:
        """Compute logits ``(B, C, H, W)`` at the size of the network input, padding included, as mmseg expects them."""
        meta = batch_img_metas[0]
        size = meta['img_shape']
        if not isinstance(size, torch.Size):  # mmseg passes a torch.Size for windows of sliding inference
            size = meta.get('pad_shape', size)
        size = tuple(size)[:2]
        return F.interpolate(self(inputs).float(), size=size, mode='bilinear', align_corners=False)


def _as_network_sample(sample: BaseDataElement) -> TaskDataSample:
    mine = TaskDataSample(metainfo=dict(gt_coordinates='network', img_path=sample.get('img_path')))
    mine.gt_sem_seg = PixelData(data=sample.gt_sem_seg.data)
    return mine
