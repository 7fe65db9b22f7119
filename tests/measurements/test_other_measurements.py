"""Measurements of boxes and points, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData

from aurora_mm.errors import ConfigError
from aurora_mm.measurements import Structure, measurements_of, structure_of
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task

POINTS = ('left', 'right', 'top', 'bottom')
CROSS = np.array([[0, 50], [100, 50], [50, 10], [50, 90]], float)


def measure(structure, *configs, kind='landmark'):
    outputs = dict(points=POINTS) if kind == 'landmark' else dict(classes=('head', 'lesion'))
    return [measurement(structure) for measurement in measurements_of(Task('t', kind, measurements=configs, **outputs))]


def test_points():
    configs = [
        dict(type='Distance', name='OFD', points=['left', 'right']),
        dict(type='Distance', name='BPD', points=['top', 'bottom']),
        dict(type='AxesCircumference', name='HC', points=['left', 'right', 'top', 'bottom']),
        dict(type='Angle', name='angle', points=['left', 'right', 'top']),
    ]
    ofd, bpd, hc, angle = measure(Structure((0.5, 0.2), points=CROSS), *configs)  # height .5, width .2
    assert (ofd.value, ofd.unit) == (pytest.approx(20), 'mm')
    assert bpd.value == pytest.approx(40)
    assert hc.value == pytest.approx(96.884, abs=1e-3)  # 4 a E(e) of half-axes 20 and 10
    assert (angle.value, angle.unit) == (pytest.approx(math.degrees(math.atan2(20, 10))), 'deg')
    np.testing.assert_allclose(ofd.lines[0], CROSS[:2])
    assert measure(Structure(None, points=CROSS), configs[0])[0].unit == 'px'
    assert all(math.isnan(measured.value) for measured in measure(Structure(None), *configs))


def test_points_that_coincide_have_no_angle():
    configs = [dict(type='Angle', name='angle', points=['left', 'right', 'top'])]
    assert math.isnan(measure(Structure(None, points=CROSS * 0), *configs)[0].value)


@pytest.mark.parametrize('points', [['left'], ['left', 'left'], 'left', ['left', 'nose']])
def test_wrong_points(points):
    with pytest.raises(ConfigError, match=r"needs 2 points|names 'nose'"):
        measure(Structure(None), dict(type='Distance', name='d', points=points))


def test_the_surest_box_of_a_class():
    boxes = np.array([[0, 0, 9, 9], [10, 20, 40, 70], [0, 0, 5, 5]])
    structure = Structure((0.5, 0.2), boxes=boxes, box_labels=np.array([0, 1, 1]))
    width, height = measure(
        structure,
        dict(type='BoxWidth', name='w', label='lesion'),
        dict(type='BoxHeight', name='h', label='lesion'),
        kind='detection',
    )
    assert (width.value, height.value) == (pytest.approx(6), pytest.approx(25))
    np.testing.assert_allclose(width.lines[0], [[10, 45], [40, 45]])
    assert math.isnan(
        measure(Structure(None), dict(type='BoxWidth', name='w', label='head'), kind='detection')[0].value
    )


def test_a_point_without_label_makes_its_measurements_nan():
    points = CROSS.copy()
    points[0] = math.nan
    configs = [
        dict(type='Distance', name='OFD', points=['left', 'right']),
        dict(type='Distance', name='BPD', points=['top', 'bottom']),
        dict(type='Angle', name='angle', points=['left', 'top', 'bottom']),
        dict(type='AxesCircumference', name='HC', points=['left', 'right', 'top', 'bottom']),
    ]
    ofd, bpd, angle, circumference = measure(Structure(None, points=points), *configs)
    assert bpd.value == 80
    assert all(math.isnan(found.value) and not found.lines for found in (ofd, angle, circumference))


def test_samples_become_structures():
    sample = TaskDataSample(metainfo=dict(task='t', pixel_spacing=(0.5, 0.2)))
    sample.pred_landmarks = torch.from_numpy(CROSS)
    sample.gt_sem_seg = PixelData(data=torch.ones(1, 4, 5, dtype=torch.int64))
    sample.pred_instances = InstanceData(bboxes=torch.rand(2, 4), labels=torch.tensor([1, 0]), scores=torch.rand(2))
    predicted, true = structure_of(sample), structure_of(sample, side='gt')
    np.testing.assert_array_equal(predicted.points, CROSS)
    assert (predicted.spacing, predicted.mask, predicted.box_labels.tolist()) == ((0.5, 0.2), None, [1, 0])
    assert true.mask.shape == (4, 5)
    assert structure_of(sample, spacing=(1.0, 2.0)).spacing == (1.0, 2.0)
