import math

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData
from pycocotools import mask as run_lengths

from aurora_mm.prediction_files.json_values import json_value
from aurora_mm.prediction_files.records import outlines, record_of
from aurora_mm.structures import TaskDataSample
from aurora_mm.tasks import Task

SEG = Task('seg', 'segmentation', classes=('background', 'a', 'b'))
DET = Task('det', 'detection', classes=('x', 'y'))
POINTS = Task('points', 'landmark', points=('p', 'q'))


def sample_of(task, **fields):
    sample = TaskDataSample(metainfo=dict(task=task.name, task_type=task.type))
    for name, value in fields.items():
        setattr(sample, name, value)
    return sample


def test_run_lengths_and_outlines_give_the_mask_back():
    mask = np.zeros((40, 50), np.uint8)
    cv2.ellipse(mask, (20, 20), (15, 10), 30, 0, 360, 1, -1)
    mask[18:22, 18:24] = 0  # a hole
    mask[30:40, 40:50] = 2
    sample = sample_of(SEG, pred_sem_seg=PixelData(data=torch.from_numpy(mask)[None].long()))
    content = record_of('segmentation').content(sample, SEG)
    assert [segment['label'] for segment in content['segments']] == ['a', 'b']
    for label, segment in enumerate(content['segments'], 1):
        region = mask == label
        rle = dict(segment['rle'], counts=segment['rle']['counts'].encode())
        assert (run_lengths.decode(rle).astype(bool) == region).all()
        assert segment['area'] == region.sum()
        odd = np.zeros(mask.shape, bool)
        for outline in segment['polygons']:
            # Centres of pixels lie at half coordinates; nearest to an even-odd count by another library.
            inside = [
                [cv2.pointPolygonTest(np.float32(outline), (x + 0.5, y + 0.5), False) > 0 for x in range(50)]
                for y in range(40)
            ]
            odd ^= np.array(inside)
        assert (odd == region).all()
    assert content['segments'][1]['box'] == [40, 30, 50, 40]


def test_outlines_of_nothing():
    assert outlines(np.zeros((4, 4), bool)) == []


def test_numbers_that_are_not_finite_are_null_and_no_coco_annotation():
    boxes = torch.tensor([[1.0, 2, 3, math.nan], [1, 2, 5, 8]])
    found = InstanceData(bboxes=boxes, scores=torch.tensor([math.nan, 0.5]), labels=torch.tensor([1, 0]))
    sample = sample_of(DET, pred_instances=found)
    assert record_of('detection').content(sample, DET)['boxes'] == [
        dict(box=[1, 2, 3, None], label='y', score=None),
        dict(box=[1, 2, 5, 8], label='x', score=0.5),
    ]
    assert record_of('detection').coco_annotations(sample, DET) == [
        dict(category_id=1, bbox=[1, 2, 4, 6], area=24, score=0.5)
    ]
    points = sample_of(POINTS, pred_landmarks=torch.tensor([[1.0, math.inf], [2, 3]]))
    assert record_of('landmark').content(points, POINTS) == dict(points=dict(p=[1, None], q=[2, 3]))
    assert record_of('landmark').coco_annotations(points, POINTS) == []


def test_what_json_has_no_value_for_is_refused():
    with pytest.raises(TypeError, match='JSON has no set'):
        json_value({'a': {1}})
    assert json_value({'a': (np.float32('nan'), np.int64(3), torch.tensor([True]))}) == {'a': [None, 3, [True]]}
