"""Scores of several classes an image, beside scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.evaluation import MultiLabelMetric
from aurora_mm.structures import TaskDataSample

CLASSES = ['a', 'b', 'c']


def sample_of(truth, pred, img_id=0):
    meta = dict(task='signs', task_type='multi_label_classification', img_id=img_id, img_path='a.png', ori_shape=(3, 4))
    sample = TaskDataSample(metainfo=meta)
    if truth is not None:
        sample.gt_scores = torch.tensor(truth, dtype=torch.float32)
    sample.pred_scores = torch.tensor(pred, dtype=torch.float64)
    return sample


def rows_of(truths, preds):
    metric = MultiLabelMetric()
    metric.dataset_meta = dict(classes=CLASSES)
    return [metric.measure(sample_of(*pair, i).to_dict()) for i, pair in enumerate(zip(truths, preds, strict=True))]


def random_rows(seed, number=30):
    rng = np.random.default_rng(seed)
    truths = (rng.random((number, 3)) < (0.5, 0.3, 0.15)).astype(int)
    truths[0], truths[1] = 1, 0
    preds = (truths * 0.3 + rng.random((number, 3)) * 0.7).round(1)  # many equal scores
    return truths, preds


@pytest.mark.parametrize('seed', range(3))
def test_equals_scikit_learn(seed):
    truths, preds = random_rows(seed)
    scores = MultiLabelMetric.scores(rows_of(truths.tolist(), preds.tolist()))
    assert scores['AUC'] == pytest.approx(roc_auc_score(truths, preds, average='macro'))
    assert scores['mAP'] == pytest.approx(average_precision_score(truths, preds, average='macro'))
    assert scores['F1'] == pytest.approx(f1_score(truths, preds >= 0.5, average='macro', zero_division=0))
    for i, name in enumerate(CLASSES):
        assert scores[f'AUC_{name}'] == pytest.approx(roc_auc_score(truths[:, i], preds[:, i]))
        assert scores[f'AP_{name}'] == pytest.approx(average_precision_score(truths[:, i], preds[:, i]))
        assert scores[f'F1_{name}'] == pytest.approx(f1_score(truths[:, i], preds[:, i] >= 0.5))


def test_a_weight_is_so_many_images():
    rows = rows_of(*(values.tolist() for values in random_rows(5, 8)))
    weights = np.array([[1, 2, 0, 3, 1, 0, 1, 1], [1] * 8], float)
    many = MultiLabelMetric.aggregate(rows, weights)
    repeated = [image for image, count in zip(rows, weights[0].astype(int), strict=True) for _ in range(count)]
    for name, value in MultiLabelMetric.scores(repeated).items():
        assert many[name][0] == pytest.approx(value, nan_ok=True), name


def test_a_class_without_images_does_not_count():
    scores = MultiLabelMetric.scores(rows_of([[1, 0, 0], [0, 0, 1]], [[0.9, 0.1, 0.2], [0.2, 0.1, 0.3]]))
    assert scores['AUC'] == scores['mAP'] == 1
    assert np.isnan(scores['AUC_b'])
    assert scores['F1'] == pytest.approx(1 / 3)  # c is not predicted with 0.5, b is neither true nor predicted
    assert np.isnan(MultiLabelMetric.scores(rows_of([[1, 1, 1]], [[0.9] * 3]))['AUC'])


def test_what_cannot_be_scored():
    with pytest.raises(DataError, match='the sample has no gt_scores'):
        rows_of([None], [[0.5] * 3])
    with pytest.raises(ConfigError, match=r'has 3 classes, but gt_scores has shape \(3,\) and pred_scores \(2,\)'):
        rows_of([[1, 0, 0]], [[0.5] * 2])


@pytest.mark.parametrize(
    ('change', 'message'),
    [(dict(truth=2), 'truth is 2, neither 0 nor 1'), (dict(truth=True), 'truth is True, neither'),
     (dict(pred='x'), "pred is 'x', not a probability")],
)  # fmt: skip
def test_rows_of_a_file_are_checked(change, message):
    (rows,) = rows_of([[1, 0, 0]], [[0.75, 0.25, 0.5]])
    MultiLabelMetric.check(rows, CLASSES)
    with pytest.raises(ValueError, match='an image has rows of'):
        MultiLabelMetric.check(rows[:2], CLASSES)
    sample = TaskDataSample()
    MultiLabelMetric.restore(sample, rows, CLASSES)
    assert sample.gt_scores.tolist() == [1, 0, 0]
    assert sample.pred_scores.tolist() == [0.75, 0.25, 0.5]
    assert [row['certainty'] for row in rows] == [0.75, 0.75, 0.5]
    assert MultiLabelMetric.describe(rows) == 'true: a; predicted: a 0.75, b 0.25, c 0.50'
    rows[0].values.update(change)
    with pytest.raises(ValueError, match=message):
        MultiLabelMetric.check(rows, CLASSES)
