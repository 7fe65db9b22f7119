"""Samples and maps for the tests of models."""

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData

from aurora_mm.structures import MultiTaskDataSample, TaskBatch, TaskDataSample
from aurora_mm.tasks import Task

SEG = Task('seg', 'segmentation', classes=('background', 'a', 'b'))
SEG2 = Task('seg2', 'segmentation', classes=('background', 'a'))
CLS = Task('cls', 'classification', classes=('x', 'y', 'z'))
DET = Task('det', 'detection', classes=('lesion',))
DET2 = Task('det2', 'detection', classes=('lesion', 'cyst'))
POINTS = Task('points', 'landmark', points=('left', 'right'))


def make_sample(task: Task, size: int = 64, ori_shape=(100, 200), frame: str = 'network') -> TaskDataSample:
    """A sample of a task whose annotations are in network pixels."""
    rng = torch.Generator().manual_seed(len(task.name))
    sample = TaskDataSample(
        metainfo=dict(
            task=task.name,
            task_type=task.type,
            img_path=f'{task.name}.png',
            img_id=0,
            ori_shape=ori_shape,
            img_shape=(size, size),
            homography_matrix=np.diag([size / ori_shape[1], size / ori_shape[0], 1.0]),
            gt_coordinates=frame,
        )
    )
    if task.type == 'segmentation':
        mask = torch.zeros(1, size, size, dtype=torch.long)
        mask[0, size // 4 : size // 2, size // 4 :] = task.num_outputs - 1
        sample.gt_sem_seg = PixelData(data=mask)
    elif task.type == 'classification':
        sample.gt_label = torch.tensor([1])
    elif task.type == 'detection':
        box = torch.tensor([[0.25, 0.25, 0.75, 0.625]]) * size
        sample.gt_instances = InstanceData(bboxes=box, labels=torch.tensor([0]))
    else:
        sample.gt_landmarks = torch.rand(task.num_outputs, 2, generator=rng) * size
    return sample


def make_image(*tasks: Task, **kwargs) -> MultiTaskDataSample:
    """An image of which some tasks are asked."""
    samples = [make_sample(task, **kwargs) for task in tasks]
    return MultiTaskDataSample(samples, metainfo=dict(img_path=samples[0].img_path, img_id=0))


def build_head(kind, tasks, options):
    """A head for the levels of :func:`feats`, with the same weights in each call."""
    torch.manual_seed(0)
    return kind(tasks, [16] * 4, **options)


def outputs_of(head, feats, task):
    """The outputs of a head for one task and all images; of our detection heads, as score logits and boxes."""
    (output,) = head.task_outputs(feats, [TaskBatch(task, None, [])])
    return head.split(output) if hasattr(head, 'split') else output.float() if hasattr(output, 'float') else output


def mean_losses(head, feats, samples, task):
    """The losses of a head for one task that is asked of all images: means over the images."""
    (losses,) = head.loss(feats, [TaskBatch(task, None, list(samples))])
    return {name: value.mean() for name, value in losses.items()}


def predict_with(head, feats, samples, task):
    """The samples with the predictions of a head for one task that is asked of all images."""
    head.predict(feats, [TaskBatch(task, None, list(samples))])
    return list(samples)


@pytest.fixture
def feats():
    """Four levels of 16 channels for two images of 64 px, strides 4 to 32."""
    torch.manual_seed(0)
    return tuple(torch.randn(2, 16, side, side) for side in (16, 8, 4, 2))
