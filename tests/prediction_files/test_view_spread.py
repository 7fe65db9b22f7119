import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData

from aurora_mm.measurements import measurements_of
from aurora_mm.models.predictions import prediction_of
from aurora_mm.prediction_files.view_spread import measure
from aurora_mm.structures import MaskView, MaskViews, TaskDataSample
from aurora_mm.tasks import Task

AREA = Task('seg', 'segmentation', ('background', 'a'), measurements=[dict(type='Area', name='area', label='a')])
WIDTH = Task(
    'find', 'detection', ('lesion', 'cyst'), measurements=[dict(type='BoxWidth', name='width', label='lesion')]
)
SPAN = Task('ends', 'landmark', points=('p', 'q'), measurements=[dict(type='Distance', name='d', points=['p', 'q'])])


def sample_of(task, **fields):
    sample = TaskDataSample(metainfo=dict(task=task.name, task_type=task.type, ori_shape=(10, 10)))
    for name, value in fields.items():
        setattr(sample, name, value)
    return sample


def view(columns, sure=0.9):
    """Class 1 in the first columns."""
    probs = torch.full((2, 10, 10), sure)
    probs[1] = 1 - sure
    probs[0, :, :columns], probs[1, :, :columns] = 1 - sure, sure
    return MaskView(probs, np.eye(3), (10, 10))


def test_masks_of_each_view():
    samples = [sample_of(AREA, mask_views=MaskViews([view(n, sure)])) for n, sure in ((3, 0.9), (5, 0.6), (4, 0.6))]
    merged = samples[0].clone()
    prediction_of('segmentation').merge(merged, samples)
    (area,) = measure(measurements_of(AREA), merged)
    assert (area.value, area.spread, area.views) == (30, (30, 50), 3)
    assert str(area) == 'area 30.0 px² (30.0 to 50.0)'


def test_points_of_each_view_and_of_views_of_views():
    def points(x):
        return sample_of(SPAN, pred_landmarks=torch.tensor([[0.0, 0], [x, 0]]))

    merge = prediction_of('landmark').merge
    pairs = [[points(3.0), points(5.0)], [points(4.0), points(8.0)]]
    merged = [pair[0].clone() for pair in pairs]
    for one, pair in zip(merged, pairs, strict=True):
        merge(one, pair)
    whole = merged[0].clone()
    merge(whole, merged)
    (span,) = measure(measurements_of(SPAN), whole)
    assert (span.value, span.spread, span.views) == (pytest.approx(5), (3, 8), 4)


def boxes(*found):
    """Boxes (x1, x2, score, label) of height 10."""
    table = torch.tensor(found, dtype=torch.float32).reshape(-1, 4)
    bboxes = torch.stack([table[:, 0], torch.zeros(len(table)), table[:, 1], torch.full((len(table),), 10.0)], 1)
    return sample_of(WIDTH, pred_instances=InstanceData(bboxes=bboxes, scores=table[:, 2], labels=table[:, 3].long()))


def merged_boxes(*samples):
    whole = samples[0].clone()
    prediction_of('detection').merge(whole, samples)
    return whole


def test_boxes_of_each_view_and_of_views_of_views():
    """Each view alone would have measured its own surest box of the class."""
    first = merged_boxes(boxes((0, 10, 0.9, 0), (0, 3, 0.99, 1)), boxes((0, 12, 0.9, 0), (90, 95, 0.2, 0)))
    whole = merged_boxes(first, merged_boxes(boxes((0, 9, 0.3, 0)), boxes((0, 2, 0.1, 0), (0, 11, 0.8, 0))))
    (width,) = measure(measurements_of(WIDTH), whole)
    assert (width.spread, width.views) == ((9, 12), 4)
    assert 9 < width.value < 12


def test_a_view_without_a_box_of_the_class_leaves_no_spread():
    (width,) = measure(measurements_of(WIDTH), merged_boxes(boxes((0, 10, 0.9, 0)), boxes((0, 9, 0.9, 1)), boxes()))
    assert (width.value, width.spread, width.views) == (pytest.approx(10), None, 3)


def test_one_view_has_no_spread_and_nothing_to_measure_has_none():
    alone = sample_of(AREA, pred_sem_seg=PixelData(data=torch.ones(1, 10, 10)), mask_views=MaskViews([view(10)]))
    (area,) = measure(measurements_of(AREA), alone)
    assert (area.value, area.spread, area.views) == (100, None, 1)
    lost = sample_of(SPAN, pred_landmarks=torch.zeros(2, 2), landmark_views=torch.tensor([[[0, 0], [np.nan, 0]]] * 2))
    (span,) = measure(measurements_of(SPAN), lost)
    assert (span.spread, span.views) == (None, 2)
    assert measure([], alone) == []
