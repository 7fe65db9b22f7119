"""Conversion of the samples of one task to those of mmdet and mmseg."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.structures import InstanceData

from aurora_mm.structures import TaskDataSample


def openmmlab_metainfo(sample: TaskDataSample) -> dict[str, Any]:
    """Return the metainfo of a sample under the names of mmdet and mmseg.

    All coordinates and sizes are in pixels of the network input.
    """
    height, width = shape = tuple(sample.img_shape)
    return dict(
        img_shape=shape,
        pad_shape=shape,
        batch_input_shape=shape,
        ori_shape=shape,
        scale_factor=(1.0, 1.0),
        border=(0, height, 0, width),  # position of the image in the input (top, bottom, left, right), for CenterNet
        padding_size=[0, 0, 0, 0],
        img_path=sample.get('img_path'),
        img_id=sample.get('img_id'),
    )


def mmdet_samples(data_samples: Sequence[TaskDataSample]) -> list[Any]:
    """Convert samples of a detection task to ``DetDataSample``, with ``gt_instances`` if they are annotated."""
    from mmdet.structures import DetDataSample  # only models with such a head need mmdet

    converted = []
    for sample in data_samples:
        one = DetDataSample(metainfo=openmmlab_metainfo(sample))
        if 'gt_instances' in sample:
            truth = sample.gt_instances
            one.gt_instances = InstanceData(bboxes=truth.bboxes.float(), labels=truth.labels)
            one.ignored_instances = one.gt_instances[:0]  # CrowdDet asks for them
        converted.append(one)
    return converted


def mmseg_samples(data_samples: Sequence[TaskDataSample]) -> list[Any]:
    """Convert samples of a segmentation task to ``SegDataSample``, with ``gt_sem_seg`` if they are annotated."""
    from mmseg.structures import SegDataSample  # only models with such a head need mmseg

    converted = []
    for sample in data_samples:
        one = SegDataSample(metainfo=openmmlab_metainfo(sample))
        if 'gt_sem_seg' in sample:
            one.gt_sem_seg = sample.gt_sem_seg
        converted.append(one)
    return converted
