"""Example samples of any task, with which heads, losses and metrics of other packages are tested before training."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from mmengine.structures import InstanceData, PixelData

from aurora_mm.structures.task_data_sample import TaskDataSample
from aurora_mm.task_types import ByTaskType
from aurora_mm.tasks import Task

EXAMPLES: ByTaskType[Callable[[TaskDataSample, Task, int, str], None]] = ByTaskType('example')
"""By task type, a function ``(sample, task, size, prefix)`` that sets an example annotation (prefix ``'gt'``) or an
equal prediction (prefix ``'pred'``) of a square image with sides of ``size`` pixels."""


def example_sample(task: Task, size: int, coordinates: str, predicted: bool = False) -> TaskDataSample:
    """Create an example sample of a square image. The network input has the same size as the original image.

    Args:
        task: The task of the sample.
        size: Side of the image in pixels.
        coordinates: Value of ``gt_coordinates``, ``'network'`` as in training or ``'original'`` as in testing.
        predicted: Whether to add predictions, which are equal to the annotations.

    Raises:
        ConfigError: If there is no example for tasks of this type.
    """
    sample = TaskDataSample(
        metainfo=dict(
            task=task.name,
            task_type=task.type,
            img_id=0,
            img_path='example.png',
            ori_shape=(size, size),
            img_shape=(size, size),
            homography_matrix=np.eye(3),
            gt_coordinates=coordinates,
        )
    )
    for prefix in ('gt', 'pred') if predicted else ('gt',):
        EXAMPLES[task.type](sample, task, size, prefix)
    return sample


@EXAMPLES.register('segmentation')
def _mask(sample: TaskDataSample, task: Task, size: int, prefix: str) -> None:
    mask = torch.zeros(1, size, size, dtype=torch.long)
    mask[:, size // 4 : size // 2, size // 4 : 3 * size // 4] = task.num_outputs - 1
    setattr(sample, f'{prefix}_sem_seg', PixelData(data=mask))


@EXAMPLES.register('multi_label_segmentation')
def _class_masks(sample: TaskDataSample, task: Task, size: int, prefix: str) -> None:
    masks = torch.zeros(task.num_outputs, size, size, dtype=torch.uint8)
    for label, mask in enumerate(masks):
        mask[size // 4 : size // 2, size // 4 : size // 2 + label] = 1
    setattr(sample, f'{prefix}_class_masks', PixelData(data=masks))


@EXAMPLES.register('detection')
@EXAMPLES.register('multi_object_detection')
def _box(sample: TaskDataSample, task: Task, size: int, prefix: str) -> None:
    box, label = torch.tensor([[0.25, 0.25, 0.7, 0.6]]) * size, torch.tensor([task.num_outputs - 1])
    instances = InstanceData(bboxes=box, labels=label)
    if prefix == 'pred':
        instances.scores = torch.tensor([0.9])
    elif sample.gt_coordinates == 'original':
        entry = dict(bbox=box[0].tolist(), bbox_label=task.num_outputs - 1, ignore_flag=0)
        sample.set_metainfo(dict(instances=[entry]))
    setattr(sample, f'{prefix}_instances', instances)


@EXAMPLES.register('classification')
def _label(sample: TaskDataSample, task: Task, size: int, prefix: str) -> None:
    setattr(sample, f'{prefix}_label', torch.tensor([task.num_outputs - 1]))
    if prefix == 'pred':
        sample.pred_scores = torch.eye(task.num_outputs)[-1]


@EXAMPLES.register('scalar_regression')
def _value(sample: TaskDataSample, task: Task, size: int, prefix: str) -> None:
    setattr(sample, f'{prefix}_value', torch.tensor([12.5], dtype=torch.float64))


@EXAMPLES.register('multi_label_classification')
def _labels(sample: TaskDataSample, task: Task, size: int, prefix: str) -> None:
    setattr(sample, f'{prefix}_scores', torch.eye(task.num_outputs)[-1])


@EXAMPLES.register('landmark')
def _points(sample: TaskDataSample, task: Task, size: int, prefix: str) -> None:
    steps = torch.linspace(0.2, 0.8, task.num_outputs, dtype=torch.float64) * size
    setattr(sample, f'{prefix}_landmarks', torch.stack([steps, steps.flip(0)], dim=1))
