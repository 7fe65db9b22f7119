"""Transforms of mmcv, mmdet and mmseg in our pipelines: those of values work, those of geometry are refused."""

import numpy as np
import pytest

from aurora_mm.datasets import FMCUIADataset
from aurora_mm.errors import ConfigError

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')

LOAD = [dict(type='LoadUltrasoundImage'), dict(type='LoadTaskAnnotations'), dict(type='FitToSize', size=32)]


def first(fmc_root, *steps):
    fmc_root.csv('c', [fmc_root.det_row(index) for index in range(10)])
    return FMCUIADataset(str(fmc_root.path), pipeline=[*LOAD, *steps, dict(type='PackMultiTaskInputs')])[0]


@pytest.mark.parametrize(
    'step',
    [
        dict(type='mmdet.PhotoMetricDistortion'),
        dict(type='mmseg.CLAHE'),
        dict(type='mmseg.AdjustGamma', gamma=2.0),
        dict(type='mmcv.RandomGrayscale', prob=1.0, keep_channels=True),
    ],
    ids=lambda step: step['type'],
)
def test_transforms_of_values(fmc_root, step):
    np.random.seed(0)
    item = first(fmc_root, dict(type='ApplyGeometry'), step)
    assert item['inputs'].shape == (3, 32, 32)
    assert next(iter(item['data_samples'])).gt_instances.bboxes.tolist()[0] == pytest.approx([4, 20 / 3, 12, 40 / 3])


@pytest.mark.parametrize(
    'step',
    [
        dict(type='mmcv.RandomFlip', prob=1.0),
        dict(type='mmdet.RandomFlip', prob=1.0),
        dict(type='mmcv.Resize', scale=(32, 32)),
        dict(type='mmseg.RandomCrop', crop_size=(16, 16)),
    ],
    ids=lambda step: step['type'],
)
def test_transforms_of_geometry(fmc_root, step):
    with pytest.raises(ConfigError, match=f'transform {step["type"].partition(".")[2]} moved the pixels'):
        first(fmc_root, dict(type='ApplyGeometry'), step)
