import json
import math

import numpy as np
import pytest
import torch

from aurora_mm.baselines import ConstantPredictor
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.evaluation import MultiTaskEvaluator
from aurora_mm.evaluation.functional import dice
from tests.fixtures.evaluation_samples import (
    OWN_METRICS,
    TASKS,
    classification_sample,
    detection_sample,
    landmark_sample,
    make_sample,
    random_samples,
    segmentation_sample,
)


def fitted(*samples):
    predictor = ConstantPredictor(TASKS)
    predictor.fit(iter(samples))
    return predictor


def test_classification_answers_with_the_frequencies():
    predictor = fitted(*(classification_sample(label, [0.0, 0.0, 1.0]) for label in (1, 1, 0, 1)))
    answer = predictor.predict(make_sample('plane'))
    assert answer.pred_label.tolist() == [1]
    assert answer.pred_scores.tolist() == [0.25, 0.75, 0]


def test_boxes_are_learned_relative_to_the_image():
    predictor = fitted(
        detection_sample([10, 10, 20, 20], [], ori_shape=(100, 100)),
        detection_sample([20, 10, 40, 20], [], ori_shape=(100, 200)),
    )
    answer = predictor.predict(make_sample('nodule', ori_shape=(50, 300)))
    torch.testing.assert_close(answer.pred_instances.bboxes, torch.tensor([[30.0, 5.0, 60.0, 10.0]]))
    assert answer.pred_instances.scores.tolist() == [1]
    assert answer.pred_instances.labels.tolist() == [0]


def test_the_box_with_the_highest_mean_overlap_wins_over_the_median():
    boxes = [[0, 0, 10, 10], [0, 0, 10, 10], [80, 80, 90, 90], [60, 60, 70, 70], [70, 70, 80, 80]]
    # The median, [60, 60, 70, 70], overlaps one box of five; [0, 0, 10, 10] two.
    predictor = fitted(*(detection_sample(box, [], ori_shape=(100, 100)) for box in boxes))
    answer = predictor.predict(make_sample('nodule', ori_shape=(100, 100)))
    torch.testing.assert_close(answer.pred_instances.bboxes, torch.tensor([[0.0, 0.0, 10.0, 10.0]]))


def test_answers_survive_being_plain_values():
    samples = random_samples(0, 4)
    predictor, restored = fitted(*samples), ConstantPredictor(TASKS)
    restored.load_state(json.loads(json.dumps(predictor.state())))
    for name in TASKS:
        first, second = (p.predict(make_sample(name)).to_dict() for p in (predictor, restored))
        fields = first.keys() & {'pred_sem_seg', 'pred_scores', 'pred_label', 'pred_instances', 'pred_landmarks'}
        assert fields
        for field in fields:
            torch.testing.assert_close(first[field], second[field])


def test_points_are_the_relative_median():
    predictor = fitted(
        landmark_sample([[10, 10], [20, 20]], [[0, 0], [0, 0]], ori_shape=(100, 100)),
        landmark_sample([[40, 30], [60, 40]], [[0, 0], [0, 0]], ori_shape=(100, 200)),
        landmark_sample([[90, 90], [90, 90]], [[0, 0], [0, 0]], ori_shape=(100, 100)),
    )
    answer = predictor.predict(make_sample('femur', ori_shape=(50, 400)))
    torch.testing.assert_close(answer.pred_landmarks, torch.tensor([[80.0, 15.0], [120.0, 20.0]]))


def test_points_without_label_do_not_enter_the_median():
    missing, guess = [math.nan, math.nan], [[0, 0], [0, 0]]
    predictor = fitted(
        landmark_sample([[10, 10], missing], guess, ori_shape=(100, 100)),
        landmark_sample([missing, missing], guess, ori_shape=(100, 100)),
        landmark_sample([[30, 50], missing], guess, ori_shape=(100, 100)),
    )
    answer = predictor.predict(make_sample('femur', ori_shape=(100, 100)))
    torch.testing.assert_close(answer.pred_landmarks, torch.tensor([[20.0, 30.0], [50.0, 50.0]]))


def test_masks_that_agree_are_given_back_at_any_size():
    mask = torch.zeros(128, 128, dtype=torch.int64)
    mask[32:64, :64], mask[96:, 64:] = 1, 2
    predictor = fitted(
        *(segmentation_sample(mask.repeat_interleave(k, 0), mask.repeat_interleave(k, 0)) for k in (1, 3))
    )
    answer = predictor.predict(make_sample('organs', ori_shape=(256, 128)))
    assert answer.pred_sem_seg.data.shape == (1, 256, 128)
    assert answer.pred_sem_seg.data.dtype == torch.int64
    assert torch.equal(answer.pred_sem_seg.data[0], mask.repeat_interleave(2, 0))


def test_mask_threshold_maximises_the_training_dice():
    """Against all thresholds tried one by one with the metric itself."""
    rng = np.random.default_rng(0)
    truths = []
    for _ in range(9):
        truth = np.zeros((128, 128), int)
        row, column = rng.integers(20, 60, 2)
        truth[row : row + 50, column : column + 40] = 1
        truths.append(truth)
    predictor = fitted(*(segmentation_sample(truth, truth, task='lesion') for truth in truths))
    answer = predictor.predict(make_sample('lesion', ori_shape=(128, 128))).pred_sem_seg.data[0].numpy()

    frequency = np.mean(truths, axis=0)
    frequency /= frequency.max()
    tried = [np.mean([dice(frequency > t, truth == 1) for truth in truths]) for t in np.arange(1, 20) / 20]
    assert np.mean([dice(answer == 1, truth == 1) for truth in truths]) == pytest.approx(max(tried))
    assert max(tried) > min(tried)


def test_pixels_to_ignore_do_not_count():
    """One half of a structure is ignored in two of three images; the third one shows it."""
    structure = torch.zeros(128, 128, dtype=torch.int64)
    structure[40:80, 32:96] = 1
    half = structure.clone()
    half[:, 64:] = 255
    samples = [segmentation_sample(truth, truth, task='lesion') for truth in (half, half, structure)]
    answer = fitted(*samples).predict(make_sample('lesion', ori_shape=(128, 128))).pred_sem_seg.data[0]
    assert torch.equal(answer, structure)


def test_empty_masks_make_an_empty_answer():
    empty = torch.zeros(20, 30, dtype=torch.int64)
    answer = fitted(segmentation_sample(empty, empty)).predict(make_sample('organs'))
    assert answer.pred_sem_seg.data.sum() == 0


def test_an_image_that_cannot_be_read_has_no_foreground_and_else_the_constant_answer():
    samples = random_samples(0, 4)
    predictor = fitted(*samples)
    mask = predictor.predict(make_sample('organs', ori_shape=(20, 30)), readable=False).pred_sem_seg.data
    assert (mask.shape, int(mask.sum())) == ((1, 20, 30), 0)
    points = [predictor.predict(make_sample('femur'), readable).pred_landmarks for readable in (True, False)]
    assert torch.equal(*points)


def test_does_not_touch_the_sample_it_answers():
    sample = make_sample('plane')
    fitted(classification_sample(0, [1.0, 0.0, 0.0])).predict(sample)
    assert 'pred_label' not in sample


def test_answers_to_every_task_can_be_scored():
    samples = random_samples(seed=1, number=5)
    predictor = fitted(*samples)
    evaluator = MultiTaskEvaluator(OWN_METRICS)
    evaluator.dataset_meta = {'tasks': TASKS.to_config()}
    evaluator.process([predictor.predict(sample) for sample in samples])
    results = evaluator.evaluate(len(samples))
    assert 0 < results['score'] < 1
    assert results['nodule/IoU'] == 1  # the true boxes are all one


def test_fitting_again_starts_afresh():
    predictor = fitted(classification_sample(0, [1.0, 0.0, 0.0]))
    predictor.fit([classification_sample(2, [1.0, 0.0, 0.0])])
    assert predictor.predict(make_sample('plane')).pred_scores.tolist() == [0, 0, 1]


def test_what_cannot_be_learned_or_answered_is_refused():
    with pytest.raises(DataError, match='needs labels'):
        fitted(make_sample('nodule'))
    without_box = detection_sample([0, 0, 1, 1], [])
    without_box.gt_instances = without_box.gt_instances[:0]
    with pytest.raises(DataError, match=r'images/0.png.*no true box'):
        fitted(without_box)
    with pytest.raises(ConfigError, match="gt_coordinates is 'network'"):
        fitted(detection_sample([0, 0, 1, 1], [], gt_coordinates='network'))
    with pytest.raises(ConfigError, match="no training sample of task 'femur'"):
        fitted(classification_sample(0, [1.0, 0.0, 0.0])).predict(make_sample('femur'))
    unknown = make_sample('femur')
    unknown.set_metainfo({'task': 'kidney'})
    with pytest.raises(ConfigError, match="'kidney'"):
        fitted(unknown)
