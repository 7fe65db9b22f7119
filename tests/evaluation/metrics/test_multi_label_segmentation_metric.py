"""Scores of masks whose classes may overlap."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.evaluation import MultiLabelSegmentationMetric, SegmentationMetric
from aurora_mm.structures import TaskDataSample

CLASSES = ['head', 'midline', 'vessel']


def sample(truth, pred, number=0):
    shape = truth.shape[1:]
    return dict(
        task='parts', task_type='multi_label_segmentation', img_id=number, ori_shape=shape, gt_coordinates='original',
        gt_class_masks=dict(data=torch_of(truth)), pred_class_masks=dict(data=torch_of(pred)),
    )  # fmt: skip


def torch_of(array):
    return torch.from_numpy(array)


def metric_of(kind=MultiLabelSegmentationMetric, names=CLASSES):
    metric = kind()
    metric.dataset_meta = dict(classes=names)
    return metric


@pytest.fixture
def masks():
    """Masks of two images: classes that overlap; the second image lacks the label of a class, and a class."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:20, :30]
    found = []
    for _ in range(4):
        centres = rng.uniform((5, 5), (15, 25), (3, 2))
        found.append(np.stack([(np.hypot(y - cy, x - cx) < 6).astype(np.uint8) for cy, cx in centres]))
    truths, preds = np.array(found[:2]), np.array(found[2:])
    truths[1, 1] = 255
    truths[1, 2] = preds[1, 2] = 0
    return truths, preds


def test_scores_are_those_of_the_segmentation_metric_for_each_class_by_itself(masks):
    truths, preds = masks
    metric = metric_of()
    rows = [metric.measure(sample(t, p, i)) for i, (t, p) in enumerate(zip(truths, preds, strict=True))]
    assert [[row.target for row in of_image] for of_image in rows] == [CLASSES, ['head', 'vessel']]
    alone = metric_of(SegmentationMetric, ['background', 'it'])
    for number, of_image in enumerate(rows):
        for row in of_image:
            index = CLASSES.index(row.target)
            single = dict(
                task='parts', img_id=0, ori_shape=(20, 30), gt_coordinates='original',
                gt_sem_seg=dict(data=torch_of(truths[number, index : index + 1].astype(np.int64))),
                pred_sem_seg=dict(data=torch_of(preds[number, index : index + 1].astype(np.int64))),
            )  # fmt: skip
            (wanted,) = alone.measure(single)
            assert {key: row[key] for key in wanted.values} == wanted.values
    assert rows[1][1]['DSC'] == 1 and rows[1][1]['HD'] == 0  # absent in both

    scores = metric.scores(rows)
    dsc = {'head': [rows[0][0], rows[1][0]], 'midline': [rows[0][1]], 'vessel': [rows[0][2], rows[1][1]]}
    means = {name: np.mean([row['DSC'] for row in of_class]) for name, of_class in dsc.items()}
    assert {name: scores[f'DSC_{name}'] for name in CLASSES} == pytest.approx(means)
    assert scores['DSC'] == pytest.approx(np.mean(list(means.values())))
    assert {'HD', 'HD95', 'NSD', 'HD_head'} <= scores.keys()


def test_a_resample_without_a_label_of_a_class_leaves_the_class_out(masks):
    truths, preds = masks
    metric = metric_of()
    rows = [metric.measure(sample(t, p, i)) for i, (t, p) in enumerate(zip(truths, preds, strict=True))]
    scores = metric.aggregate(rows, np.array([[1.0, 1.0], [0.0, 2.0]]))
    assert math.isnan(scores['DSC_midline'][1]) and not math.isnan(scores['DSC_midline'][0])
    assert scores['DSC'][1] == pytest.approx((rows[1][0]['DSC'] + rows[1][1]['DSC']) / 2)


def test_masks_of_other_numbers_and_missing_fields_are_told(masks):
    truths, preds = masks
    metric = metric_of()
    with pytest.raises(ConfigError, match='has 3 classes, but there are 3 true and 2 predicted masks'):
        metric.measure(sample(truths[0], preds[0][:2]))
    one = sample(truths[0], preds[0])
    with pytest.raises(DataError, match='no gt_class_masks'):
        metric.measure({key: value for key, value in one.items() if key != 'gt_class_masks'})
    with pytest.raises(ConfigError, match="gt_coordinates is 'network'"):
        metric.measure(one | dict(gt_coordinates='network'))


def test_rows_hold_the_masks_and_bad_ones_are_refused(masks):
    truths, preds = masks
    rows = metric_of().measure(sample(truths[0], preds[0]))
    restored = TaskDataSample()
    MultiLabelSegmentationMetric.check(rows, CLASSES)
    MultiLabelSegmentationMetric.restore(restored, rows, CLASSES)
    assert (restored.gt_class_masks.data.numpy() == truths[0]).all()
    assert (restored.pred_class_masks.data.numpy() == preds[0]).all()
    for text in ('', 'zz~', 17, rows[0]['pred'][:-1], '0' * 40):
        bad = replace(rows[0], values=rows[0].values | dict(pred=text))
        with pytest.raises(ValueError, match='run lengths'):
            MultiLabelSegmentationMetric.check([bad, *rows[1:]], CLASSES)


def test_an_ill_sized_prediction_is_resized():
    truth = np.zeros((1, 20, 30), np.uint8)
    truth[0, 4:10, 4:20] = 1
    (row,) = metric_of(names=['head']).measure(sample(truth, truth[:, ::2, ::2]))
    assert row['DSC'] == 1
