from __future__ import annotations

import numpy as np
import pytest
import torch

from aurora_mm.datasets.geometry import fit_matrix, flip_matrix
from aurora_mm.datasets.transforms import PackMultiTaskInputs
from aurora_mm.errors import ConfigError

SHAPE, SIZE = (48, 96), (32, 64)


def make_results(**more) -> dict:
    img = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    results = dict(
        img=img, img_coordinates='network', ori_shape=SHAPE, img_shape=SIZE, homography_matrix=fit_matrix(SHAPE, SIZE)
    )
    results |= dict(task='t', task_type='detection', img_id=3, img_path='/a.png', image_path='../a.png', flip=False)
    return results | more


def pack(**more):
    return PackMultiTaskInputs().transform(make_results(**more))['data_samples']['t']


def test_image_and_metainfo():
    packed = PackMultiTaskInputs().transform(make_results())
    assert packed['inputs'].dtype == torch.uint8
    assert packed['inputs'].is_contiguous()
    np.testing.assert_array_equal(packed['inputs'].permute(1, 2, 0), make_results()['img'])
    sample = packed['data_samples']['t']
    assert (sample.task, sample.img_id, sample.ori_shape, sample.img_shape) == ('t', 3, SHAPE, SIZE)
    assert sample.scale_factor == pytest.approx((64 / 96, 32 / 48))
    assert {'mask_path', 'gt_coordinates', 'instances'}.isdisjoint(sample.metainfo_keys())


def test_no_scale_factor_where_it_would_mislead():
    letterbox = fit_matrix(SHAPE, (64, 64), 'letterbox')
    for matrix in (letterbox, flip_matrix(SIZE) @ fit_matrix(SHAPE, SIZE)):
        assert 'scale_factor' not in pack(homography_matrix=matrix)


def test_annotations_have_the_fields_that_metrics_read():
    mask = np.ones(SIZE, np.uint8)
    sample = pack(task_type='segmentation', gt_coordinates='network', gt_seg_map=mask)
    assert sample.gt_sem_seg.data.shape == (1, *SIZE)
    assert sample.gt_sem_seg.data.dtype == torch.int64
    labelled = pack(task_type='classification', gt_coordinates='network', gt_label=2)
    assert torch.equal(labelled.gt_label, torch.tensor([2]))
    points = np.array([[1, 2], [3, 4]], np.float32)[::-1]
    pointed = pack(task_type='landmark', gt_coordinates='network', gt_landmarks=points)
    assert torch.equal(pointed.gt_landmarks, torch.tensor([[3.0, 4], [1, 2]]))


@pytest.mark.parametrize('frame', ['network', 'original'])
def test_boxes_and_instances_for_coco(frame):
    box, label = np.array([[1, 2, 30, 40]], np.float32), np.zeros(1, np.int64)
    sample = pack(gt_coordinates=frame, gt_bboxes=box, gt_bboxes_labels=label)
    assert torch.equal(sample.gt_instances.bboxes, torch.from_numpy(box))
    assert sample.gt_instances.labels.dtype == torch.int64
    assert sample.gt_coordinates == frame
    if frame == 'original':
        assert sample.instances == [dict(bbox=[1, 2, 30, 40], bbox_label=0, ignore_flag=0)]
    else:
        assert 'instances' not in sample


def test_a_matrix_that_nothing_carried_out():
    with pytest.raises(ConfigError, match='no ApplyGeometry'):
        pack(img_coordinates='original')


def test_chosen_meta_keys():
    sample = PackMultiTaskInputs(meta_keys=['task']).transform(make_results())['data_samples']['t']
    assert sorted(sample.metainfo_keys()) == ['scale_factor', 'task']
