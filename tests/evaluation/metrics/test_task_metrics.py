import math

import numpy as np
import pytest
import torch

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.evaluation import BoxIoUMetric, ClassificationMetric, LandmarkMetric, SegmentationMetric
from aurora_mm.evaluation.metrics.result_row import ResultRow
from tests.fixtures.evaluation_samples import (
    TASKS,
    classification_sample,
    detection_sample,
    landmark_sample,
    make_sample,
    random_samples,
    segmentation_sample,
)

METRIC_OF = {
    'organs': SegmentationMetric,
    'plane': ClassificationMetric,
    'nodule': BoxIoUMetric,
    'femur': LandmarkMetric,
}


def score(*samples):
    name = samples[0].task
    metric = METRIC_OF[name]()
    metric.dataset_meta = {'classes': list(TASKS[name].output_names)}
    for sample in samples:
        metric.process(None, [sample.to_dict()])
    metrics = metric.evaluate(len(samples))
    return metrics, metric.primary(metrics)


def test_segmentation_hand_worked():
    truth = torch.zeros(30, 40, dtype=torch.int64)
    truth[0, :4] = 1
    pred = torch.zeros_like(truth)
    pred[0, 2:6] = 1
    pred[5, 5] = 2
    same = segmentation_sample(truth, truth)
    metrics, primary = score(segmentation_sample(truth, pred), same)
    # liver: Dice 2*2/8, then 1; Hausdorff 2, then 0.
    # vein: predicted but not there (0, the diagonal 50), then neither (1, 0).
    assert metrics['DSC_liver'] == pytest.approx(0.75)
    assert metrics['DSC_vein'] == pytest.approx(0.5)
    assert metrics['DSC'] == primary == pytest.approx(0.625)
    assert metrics['HD'] == pytest.approx(((2 + 0) / 2 + (50 + 0) / 2) / 2)
    assert metrics['HD_liver'] == 1
    assert metrics['HD_vein'] == 25
    assert list(metrics) == ['DSC', 'HD', 'HD95', 'NSD', 'DSC_liver', 'HD_liver', 'DSC_vein', 'HD_vein']
    assert all(type(value) is float for value in metrics.values())


def test_segmentation_resizes_the_prediction_to_the_true_size():
    truth = torch.tensor([[0, 1, 2], [2, 1, 0]])
    large = truth.repeat_interleave(3, 0).repeat_interleave(5, 1)
    metrics, _ = score(segmentation_sample(truth, large), segmentation_sample(large, truth))
    assert (metrics['DSC'], metrics['HD']) == (1, 0)


def test_segmentation_refuses_values_outside_the_classes():
    truth = torch.tensor([[0, 1], [3, 0]])
    with pytest.raises(DataError, match=r'images/0.png.*organs.*0..3.*3 classes'):
        score(segmentation_sample(truth, truth))


def test_classification_hand_worked():
    metrics, primary = score(
        classification_sample(0, [0.7, 0.2, 0.1]),
        classification_sample(0, [0.4, 0.5, 0.1]),
        classification_sample(1, [0.5, 0.3, 0.2]),
        classification_sample(1, [0.1, 0.8, 0.1]),
    )
    assert metrics['AUC_present'] == 0.75  # worked out in test_classification_scores
    assert math.isnan(metrics['AUC'])  # no image is of class 2
    assert metrics['Accuracy'] == primary == 0.5
    assert metrics['F1_macro'] == metrics['F1_weighted'] == 0.5
    assert metrics['MCC'] == 0


def test_auc_is_not_defined_where_scikit_learn_refuses():
    samples = [classification_sample(label, [0.2, 0.3, 0.5]) for label in (0, 1, 2, 2)]
    assert score(*samples)[0]['AUC'] == 0.5
    assert math.isnan(score(*samples[:2])[0]['AUC'])  # class 2 is absent
    samples[0].pred_scores = torch.tensor([0.21, 0.3, 0.5])
    metrics, _ = score(*samples)
    assert math.isnan(metrics['AUC'])
    assert metrics['AUC_present'] > 0.5


def test_classification_does_not_ask_for_a_frame():
    _, primary = score(classification_sample(2, [0.1, 0.2, 0.7], gt_coordinates='network'))
    assert primary == 1


def test_classification_reads_bfloat16():
    sample = classification_sample(2, [0.1, 0.2, 0.7])
    sample.pred_scores = sample.pred_scores.bfloat16()
    assert score(sample)[1] == 1


def test_classification_refuses_other_classes():
    with pytest.raises(DataError, match=r'images/0.png.*label 3'):
        score(classification_sample(3, [0.1, 0.2, 0.7]))
    with pytest.raises(ConfigError, match=r'3 classes.*\(2,\)'):
        score(classification_sample(1, [0.3, 0.7]))


def test_box_hand_worked():
    metrics, primary = score(
        detection_sample([0, 0, 2, 2], [[8, 8, 9, 9], [1, 1, 3, 3]], [0.3, 0.6]),
        detection_sample([0, 0, 2, 2], [[0, 0, 2, 2]], [0.01]),
        detection_sample([0, 0, 2, 2], []),
    )
    assert metrics['IoU'] == primary == pytest.approx((1 / 7 + 1 + 0) / 3)


def test_box_refuses_two_true_boxes():
    sample = detection_sample([0, 0, 2, 2], [])
    sample.gt_instances = type(sample.gt_instances)(bboxes=torch.zeros(2, 4))
    with pytest.raises(DataError, match='one true box an image is scored, not 2'):
        score(sample)


def test_landmark_hand_worked():
    metrics, primary = score(
        landmark_sample([[10, 10], [20, 20]], [[13, 14], [20, 21]], ori_shape=(30, 40)),  # 3 px of diagonal 50
        landmark_sample([[10, 10], [20, 20]], [[10, 10], [20, 22]], ori_shape=(60, 80)),  # 1 px of diagonal 100
    )
    assert metrics['MRE'] == pytest.approx(2)
    assert metrics['MRE_left'] == pytest.approx(2.5)
    assert metrics['MRE_right'] == pytest.approx(1.5)
    assert metrics['MRE_diagonal'] == pytest.approx((3 / 50 + 1 / 100) / 2)
    assert primary == pytest.approx(1 - 0.035)


def test_landmark_primary_is_not_below_0():
    _, primary = score(landmark_sample([[0, 0], [0, 0]], [[300, 400], [300, 400]]))
    assert primary == 0


def test_landmark_refuses_another_number_of_points():
    with pytest.raises(ConfigError, match=r"'femur' has 2 points.*\(2, 2\).*\(3, 2\)"):
        score(landmark_sample([[1, 1], [2, 2]], [[1, 1], [2, 2], [3, 3]]))


@pytest.mark.parametrize('task', METRIC_OF)
def test_a_missing_annotation_names_image_and_task(task):
    with pytest.raises(DataError, match=rf"images/7.png: task '{task}'.*needs labels"):
        score(make_sample(task, img_id=7))


@pytest.mark.parametrize('task', ['organs', 'nodule', 'femur'])
@pytest.mark.parametrize('frame', ['network', None])
def test_annotations_in_another_frame_are_refused(task, frame):
    samples = {
        'organs': segmentation_sample(np.zeros((4, 4), int), np.zeros((4, 4), int)),
        'nodule': detection_sample([0, 0, 1, 1], []),
        'femur': landmark_sample([[1, 1], [2, 2]], [[1, 1], [2, 2]]),
    }
    samples[task].set_metainfo({'gt_coordinates': frame})
    with pytest.raises(ConfigError, match=f'{task}.*gt_coordinates is {frame!r}'):
        score(samples[task])


def test_a_missing_prediction_names_the_field():
    sample = landmark_sample([[1, 1], [2, 2]], [[1, 1], [2, 2]])
    del sample.pred_landmarks
    with pytest.raises(ConfigError, match='pred_landmarks'):
        score(sample)


def test_auc_of_a_single_class():
    metrics, primary = score(classification_sample(2, [0.1, 0.2, 0.7]))
    assert math.isnan(metrics['AUC'])
    assert math.isnan(metrics['AUC_present'])
    assert primary == 1


def test_segmentation_means_over_images_first_then_over_classes():
    """Per class the mean over all images, also those where it is empty; the classes then count alike."""
    first, second = torch.zeros(2, 30, 40, dtype=torch.int64)
    first[:10], second[20:] = 1, 2
    metrics, _ = score(segmentation_sample(first, first), segmentation_sample(second, first))
    assert metrics['DSC_liver'] == (1 + 0) / 2
    assert metrics['DSC_vein'] == (1 + 0) / 2
    assert metrics['HD_liver'] == metrics['HD_vein'] == (0 + 50) / 2


def rows(sample):
    metric = METRIC_OF[sample.task]()
    metric.dataset_meta = {'classes': list(TASKS[sample.task].output_names)}
    return metric.measure(sample.to_dict())


def test_rows_of_each_type():
    place = dict(image_path='../i.png', mask_path='../m.png', group='patient 3', img_id=4)
    truth = torch.zeros(30, 40, dtype=torch.int64)
    truth[:3, :4] = 1
    liver, vein = rows(segmentation_sample(truth, truth, **place))
    assert liver.values == dict(size=0.01, DSC=1, HD=0, HD95=0, NSD=1)
    assert (vein.target, vein['size'], vein['DSC']) == ('vein', 0, 1)
    assert (liver.task, liver.metric, liver.target) == ('organs', 'SegmentationMetric', 'liver')
    assert (liver.height, liver.width, liver.diagonal, liver.img_path) == (30, 40, 50, 'images/4.png')
    assert (liver.image_path, liver.mask_path, liver.group, liver.img_id) == ('../i.png', '../m.png', 'patient 3', 4)
    (label,) = rows(classification_sample(2, [0.25, 0.5, 0.25]))
    assert (label.target, label.values) == ('sagittal', dict(truth=2, pred=1, probs=[0.25, 0.5, 0.25]))
    (box,) = rows(detection_sample([0, 0, 4, 3], [[0, 0, 4, 3]]))
    assert (box.target, box.values) == ('nodule', dict(size=0.01, IoU=1, truth=[0, 0, 4, 3], pred=[0, 0, 4, 3]))
    (box,) = rows(detection_sample([0, 0, 4, 3], []))
    assert (box['IoU'], box['pred']) == (0, None)
    left, right = rows(landmark_sample([[1, 1], [2, 2]], [[4, 5], [2, 2]]))
    assert (left.target, left.values) == ('left', dict(error=5, truth=[1, 1], pred=[4, 5]))
    assert (right.target, right['error']) == ('right', 0)


@pytest.mark.parametrize('task', METRIC_OF)
def test_a_metric_says_all_that_its_rows_and_scores_hold(task):
    metric = METRIC_OF[task]
    samples = [sample for sample in random_samples(seed=0, number=6) if sample.task == task]
    (first, *_), *_ = images = [rows(sample) for sample in samples]
    always = {column.name for column in metric.row_columns if not column.optional}
    assert first.values.keys() == always | {*metric.row_data}
    scores = metric.scores(images)
    assert {column.name for column in metric.columns if not column.optional} <= scores.keys()
    assert metric.headline in scores
    assert 0 <= metric.primary(scores) <= 1


@pytest.mark.parametrize('task', METRIC_OF)
def test_resamples_have_the_scores_of_the_images_repeated(task):
    metric = METRIC_OF[task]
    images = [rows(sample) for sample in random_samples(seed=2, number=12) if sample.task == task]
    weights = np.random.default_rng(0).multinomial(12, np.full(12, 1 / 12), size=6).astype(float)
    resampled = metric.aggregate(images, weights)
    for index, row in enumerate(weights):
        repeated = [image for image, times in zip(images, row, strict=True) for _ in range(int(times))]
        alone = {name: values[0] for name, values in metric.aggregate(repeated, np.ones((1, 12))).items()}
        assert {name: values[index] for name, values in resampled.items()} == pytest.approx(alone, nan_ok=True)


@pytest.mark.parametrize('task', ['plane', 'nodule', 'femur'])
def test_a_sample_is_restored_from_its_rows(task):
    sample = next(sample for sample in random_samples(seed=0, number=4) if sample.task == task)
    restored = make_sample(task)
    METRIC_OF[task].restore(restored, rows(sample), TASKS[task].output_names)
    if task == 'nodule':
        restored.pred_instances.scores = torch.ones(1)  # rows do not keep it, and nothing draws it
    assert [row.values for row in rows(restored)] == [row.values for row in rows(sample)]


def test_images_of_landmarks_are_ranked_by_the_error_in_diagonals():
    """The same error is worse in a smaller image."""

    def row(height, width, error):
        return ResultRow('femur', 'LandmarkMetric', 'a', 0, 'a.png', '', 'a.png', '', height, width, {'error': error})

    small, large = [row(30, 40, 5.0), row(30, 40, 15.0)], [row(300, 400, 5.0), row(300, 400, 15.0)]
    assert LandmarkMetric.rank_by(small) == pytest.approx((-10 / 50,))
    assert LandmarkMetric.rank_by(large) == pytest.approx((-10 / 500,))
