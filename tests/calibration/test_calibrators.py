"""Calibrators of the task types: the sets and margins that they describe contain the truth as often as their limits
say, and a type of another package says in one sentence that it cannot be calibrated."""

import math

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData

from aurora_mm.calibration.calibrator import CALIBRATORS, calibrator_of
from aurora_mm.errors import ConfigError
from aurora_mm.structures import MaskView, MaskViews, TaskDataSample
from aurora_mm.task_types import TASK_TYPES, TaskType, register_task_type
from aurora_mm.tasks import Task

KIND = Task('kind', 'classification', classes=('a', 'b', 'c'))
ORGANS = Task('organs', 'segmentation', classes=('background', 'x', 'y'))
FIND = Task('find', 'detection', classes=('lesion',))
ENDS = Task('ends', 'landmark', points=('left', 'right'))
SHAPE = (30, 40)  # a diagonal of 50 pixels


def sample_of(task, **fields):
    meta = dict(task=task.name, task_type=task.type, img_id=0, ori_shape=SHAPE, gt_coordinates='original')
    sample = TaskDataSample(metainfo=meta)
    for name, value in fields.items():
        setattr(sample, name, value)
    return sample


def label(probs, truth=0):
    probs = torch.tensor(probs)
    return sample_of(KIND, pred_scores=probs, pred_label=probs.argmax(0, keepdim=True), gt_label=torch.tensor([truth]))


def boxes(pred, score, truth=(10.0, 10.0, 20.0, 20.0)):
    found = InstanceData(
        bboxes=torch.tensor(pred).reshape(-1, 4), scores=torch.tensor(score), labels=torch.zeros(len(score)).long()
    )
    return sample_of(
        FIND, pred_instances=found, gt_instances=InstanceData(bboxes=torch.tensor([truth]), labels=torch.tensor([0]))
    )


def mask(pred, truth, sure=0.9):
    probs = (
        torch.nn.functional.one_hot(torch.tensor(pred), 3).permute(2, 0, 1) * (sure - (1 - sure) / 2) + (1 - sure) / 2
    )
    views = MaskViews([MaskView(probs.float(), np.eye(3), SHAPE)])
    data = [PixelData(data=torch.tensor(m)[None].long()) for m in (pred, truth)]
    return sample_of(ORGANS, pred_sem_seg=data[0], gt_sem_seg=data[1], mask_views=views)


def square(value, x=10, size=10):
    found = np.zeros(SHAPE, np.int64)
    found[10:20, x : x + size] = value
    return found


def fit(task, samples, coverage=0.9):
    calibrator = calibrator_of(task)
    return calibrator.fit([calibrator.observe(s, task) for s in samples], task, coverage)


class TestClasses:
    def samples(self, count, seed):
        rng = np.random.default_rng(seed)
        probs = rng.dirichlet([0.6] * 3, count)
        wrong = rng.random(count) < 0.3
        truth = np.where(wrong, rng.integers(0, 3, count), (probs.cumsum(1) > rng.random((count, 1))).argmax(1))
        return [label(p.tolist(), int(t)) for p, t in zip(probs, truth, strict=True)]

    @pytest.mark.parametrize('coverage', [0.7, 0.9])
    def test_the_set_contains_the_true_class_as_often_as_asked(self, coverage):
        state = fit(KIND, self.samples(600, 0), coverage)
        new = self.samples(600, 1)
        truth = [KIND.classes[int(s.gt_label)] for s in new]
        sets = [CALIBRATORS['classification'].apply(s, KIND, state)['classes'] for s in new]
        inside = np.mean([t in found for t, found in zip(truth, sets, strict=True)])
        assert inside == pytest.approx(coverage, abs=0.05)
        assert np.mean([len(found) for found in sets]) < 2.9

    def test_the_set_is_what_the_coverage_counts(self):
        """A class is in the set if and only if its score is at most the limit."""
        calibrator, samples = CALIBRATORS['classification'], self.samples(40, 2)
        state = fit(KIND, samples, 0.6)
        for one in samples:
            observed = calibrator.observe(one, KIND)
            score = calibrator.scores(observed, KIND, state['parameters'])['class']
            size = calibrator.size(observed, 'class', state['limits']['class'], state['parameters'])
            found = calibrator.apply(one, KIND, state)['classes']
            assert (score <= state['limits']['class']) == (KIND.classes[int(one.gt_label)] in found)
            assert len(found) == size

    def test_the_predicted_class_stays_and_is_in_the_set(self):
        one = label([0.2, 0.45, 0.35])
        state = dict(parameters=dict(temperature=3.0), limits={'class': 0.0})
        assert CALIBRATORS['classification'].apply(one, KIND, state) == dict(classes=['b'])
        assert one.pred_label == 1 and one.pred_scores.argmax() == 1
        assert one.pred_scores.max() < 0.45 and one.pred_scores.sum() == pytest.approx(1)

    def test_too_few_images_give_the_set_of_all_classes(self):
        state = fit(KIND, self.samples(5, 0))
        assert state['limits'] == {'class': None}
        assert CALIBRATORS['classification'].apply(label([0.9, 0.05, 0.05]), KIND, state)['classes'] == ['a', 'b', 'c']


class TestBoxes:
    def test_the_margin_is_that_of_the_worst_side_of_the_best_box(self):
        one = boxes([[11.0, 10.0, 20.0, 17.0], [10.0, 10.0, 20.0, 20.0]], [0.9, 0.2])
        observed = CALIBRATORS['detection'].observe(one, FIND)
        assert observed['error'] == pytest.approx(3 / 50)
        assert observed['correct'] and observed['score'] == pytest.approx(0.9)
        state = dict(parameters=dict(slope=2.0, shift=-1.0), limits=dict(box=3 / 50))
        assert CALIBRATORS['detection'].apply(one, FIND, state) == dict(margin=3.0)
        assert one.pred_instances.scores[0] > one.pred_instances.scores[1]

    def test_no_box_where_there_is_one_is_never_contained(self):
        observed = CALIBRATORS['detection'].observe(boxes([], []), FIND)
        assert observed['error'] == math.inf and not observed['correct']

    def test_scores_become_the_share_of_correct_boxes(self):
        rng = np.random.default_rng(0)
        samples = [
            boxes([[10.0, 10.0, 20.0, 20.0] if right else [10.0, 10.0, 12.0, 12.0]], [float(score)])
            for score, right in zip(rng.uniform(0.1, 0.4, 400), rng.random(400) < 0.8, strict=True)
        ]
        calibrator = CALIBRATORS['detection']
        observations = [calibrator.observe(s, FIND) for s in samples]
        confidence, correct = calibrator.confidences(observations, fit(FIND, samples)['parameters'])
        assert confidence.mean() == pytest.approx(correct.mean(), abs=0.02)


class TestPoints:
    def test_points_without_label_do_not_count(self):
        rng = np.random.default_rng(0)
        truth = rng.normal(0, 5, (200, 2, 2))
        truth[::2, 0] = math.nan
        pred = torch.zeros(2, 2)
        partly = [sample_of(ENDS, pred_landmarks=pred, gt_landmarks=torch.tensor(points)) for points in truth]
        labelled = fit(ENDS, partly[1::2])['limits']['left']
        assert fit(ENDS, partly)['limits']['left'] == labelled
        assert labelled is not None

    def test_radii_scale_with_the_image(self):
        rng = np.random.default_rng(0)
        samples = [
            sample_of(ENDS, pred_landmarks=torch.zeros(2, 2), gt_landmarks=torch.tensor(rng.normal(0, 5, (2, 2))))
            for _ in range(200)
        ]
        state = fit(ENDS, samples)
        radii = CALIBRATORS['landmark'].apply(samples[0], ENDS, state)['radii']
        assert radii['left'] == pytest.approx(5 * math.sqrt(-2 * math.log(0.1)), rel=0.15)  # Rayleigh's distribution
        large = TaskDataSample(metainfo=dict(samples[0].metainfo_items()) | dict(ori_shape=(60, 80)))
        assert CALIBRATORS['landmark'].apply(large, ENDS, state)['radii']['left'] == pytest.approx(
            2 * radii['left'], abs=0.02
        )


class TestMasks:
    def test_the_margin_contains_most_of_the_true_outline(self):
        observed = CALIBRATORS['segmentation'].observe(mask(square(1), square(1, x=14)), ORGANS)
        assert observed['errors'][0] * 50 == pytest.approx(4)  # the far side of the true square
        assert np.isnan(observed['errors'][1])  # there is nothing to contain

    def test_a_class_that_was_missed_is_contained_by_no_margin(self):
        observed = CALIBRATORS['segmentation'].observe(mask(square(1), square(2)), ORGANS)
        assert np.isnan(observed['errors'][0]) and observed['errors'][1] == math.inf

    def test_overconfident_pixels_get_the_share_of_correct_ones(self):
        rng = np.random.default_rng(0)
        truth = [rng.integers(0, 3, SHAPE) for _ in range(10)]
        pred = [np.where(rng.random(SHAPE) < 0.7, t, rng.integers(0, 3, SHAPE)) for t in truth]
        samples = [mask(p, t, 0.99) for p, t in zip(pred, truth, strict=True)]
        state = fit(ORGANS, samples)
        assert state['parameters']['temperature'] > 1.5
        before = samples[0].pred_sem_seg.data.clone()
        described = CALIBRATORS['segmentation'].apply(samples[0], ORGANS, state)
        assert described['confidences']['x'] == pytest.approx(0.8, abs=0.03)
        assert torch.equal(samples[0].pred_sem_seg.data, before)
        assert described['margins'].keys() == {'x', 'y'}

    def test_pixels_to_ignore_do_not_count(self):
        """What is predicted there is neither right nor wrong, and does not move an outline."""
        truth, pred = square(1), square(1)
        ignored = np.zeros(SHAPE, bool)
        ignored[:, 25:] = True
        truth[ignored], pred[ignored] = 255, 1
        found, plain = (
            CALIBRATORS['segmentation'].observe(one, ORGANS) for one in (mask(pred, truth), mask(square(1), square(1)))
        )
        assert found['errors'].tolist()[0] == plain['errors'].tolist()[0] == 0
        assert set(found['truth'].tolist()) == {0, 1}
        assert len(found['truth']) == len(found['probs']) < len(plain['truth'])
        assert fit(ORGANS, [mask(pred, truth)])['parameters'] == pytest.approx(
            fit(ORGANS, [mask(square(1), truth)])['parameters']
        )

    def test_only_classes_that_were_found_are_described(self):
        state = dict(parameters=dict(temperature=1.0), limits=dict(x=0.1, y=None))
        assert CALIBRATORS['segmentation'].apply(mask(square(1), square(1)), ORGANS, state) == dict(
            margins=dict(x=5.0), confidences=dict(x=0.9)
        )

    def test_a_head_without_probabilities_is_refused(self):
        one = mask(square(1), square(1))
        del one.mask_views
        with pytest.raises(ConfigError, match='probabilities of one view'):
            CALIBRATORS['segmentation'].observe(one, ORGANS)


def test_a_type_of_another_package_says_that_it_cannot():
    register_task_type(TaskType('mood', metric='MoodMetric'))
    try:
        with pytest.raises(ConfigError, match=r"'tired' cannot be calibrated.*register a Calibrator"):
            calibrator_of(Task('tired', 'mood', classes=('yes',)))
    finally:
        del TASK_TYPES['mood']
