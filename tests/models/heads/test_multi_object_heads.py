"""Heads of tasks with several boxes an image."""

import pytest
import torch

from aurora_mm.errors import ConfigError
from aurora_mm.models.heads import wrap_foreign_head
from aurora_mm.registry import MODELS
from aurora_mm.structures import TaskBatch, example_sample
from aurora_mm.tasks import Task

TASK = Task('finds', 'multi_object_detection', classes=('nodule', 'cyst'))


FCOS = dict(
    type='mmdet.FCOSHead', feat_channels=32, stacked_convs=1, strides=[4, 8], regress_ranges=((-1, 16), (16, 999))
)


@pytest.mark.parametrize('cfg', [dict(type='aurora_mm.DenseDetectionHead', channels=16), FCOS], ids=['own', 'mmdet'])
def test_images_without_and_with_boxes_are_learned(cfg):
    torch.manual_seed(0)
    head = MODELS.build(wrap_foreign_head(cfg) | dict(tasks=[TASK], in_channels=[16, 16]))
    samples = [example_sample(TASK, 64, 'network') for _ in range(2)]
    samples[0].gt_instances = samples[0].gt_instances[:0]
    maps = [torch.randn(2, 16, 64 // stride, 64 // stride) for stride in (4, 8)]
    (losses,) = head.loss(maps, [TaskBatch(TASK, None, samples)])
    total = sum(torch.as_tensor(value).sum() for value in losses.values())
    assert total.isfinite()
    total.backward()
    head.eval().predict(maps, [TaskBatch(TASK, None, samples)])
    assert all(len(sample.pred_instances) for sample in samples)


def test_the_published_head_finds_one_box():
    with pytest.raises(ConfigError, match=r'GridDetectionHead serves detection tasks and was given finds \(multi_'):
        MODELS.build(dict(type='aurora_mm.GridDetectionHead', tasks=[TASK], in_channels=[16] * 4))
