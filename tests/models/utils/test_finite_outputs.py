"""Whether a prediction follows from numbers that are finite."""

import math

import pytest
import torch
from mmengine.structures import InstanceData

from aurora_mm.models.test_time_augs.merge_predictions import merge_task_predictions
from aurora_mm.models.utils.finite_outputs import note_finite_outputs
from aurora_mm.structures import TaskDataSample
from tests.models.conftest import CLS, DET, POINTS, SEG, make_image
from tests.models.test_multi_task_model import TASKS, batch, model  # noqa: F401


def noted(output, count=2):
    samples = [TaskDataSample() for _ in range(count)]
    note_finite_outputs(output, samples)
    return [bool(sample.outputs_are_finite) for sample in samples]


@pytest.mark.parametrize('value', [math.nan, math.inf, -math.inf])
def test_each_image_by_itself(value):
    maps = torch.zeros(2, 3, 4, 4)
    assert noted(maps) == [True, True]
    maps[1, 2, 3, 0] = value
    assert noted(maps) == [True, False]
    assert noted((torch.zeros(2, 1), [dict(levels=maps)])) == [True, False]
    boxes = InstanceData(bboxes=torch.zeros(2, 4), scores=torch.tensor([value, 0]))
    assert noted([boxes, torch.zeros(2, dtype=torch.long), 'text', None]) == [False, True]


def test_a_tensor_that_is_not_divided_into_images_counts_for_all():
    assert noted(torch.tensor([1.0, math.nan, 1.0])) == noted(torch.tensor(math.nan)) == [False, False]
    assert noted([torch.zeros(2), torch.zeros(6, 2, 2)]) == [True, True]


def test_outputs_without_a_number_say_nothing():
    sample = TaskDataSample()
    note_finite_outputs([torch.zeros(1, dtype=torch.long), torch.zeros(1, 0)], [sample])
    assert 'outputs_are_finite' not in sample


@pytest.mark.parametrize('broken', ['segmentation', 'classification', 'detection', 'landmark'])
def test_a_head_whose_weights_are_nan(model, broken):  # noqa: F811
    for parameter in model.eval().heads[broken].parameters():
        parameter.data.fill_(math.nan)
    inputs, _ = batch(*TASKS)
    images = model.predict(inputs[:2], [make_image(*TASKS), make_image(SEG, DET)])
    for image in images:
        for sample in image:
            assert bool(sample.outputs_are_finite) == (sample.task_type != broken)


def test_one_view_that_is_not_finite(model):  # noqa: F811
    inputs, _ = batch(CLS, POINTS)
    views = [model.eval().predict(inputs[:1], [make_image(CLS, POINTS)])[0] for _ in range(2)]
    merged = [merge_task_predictions([view[task.name] for view in views]) for task in (CLS, POINTS)]
    assert all(sample.outputs_are_finite for sample in merged)
    views[1][CLS.name].outputs_are_finite = torch.tensor(False)
    assert not merge_task_predictions([view[CLS.name] for view in views]).outputs_are_finite
