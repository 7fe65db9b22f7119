import dataclasses
import math

import numpy as np
import pytest

from aurora_mm.analysis.bootstrap import _SCORES, _draw, bootstrap_intervals
from aurora_mm.evaluation import MultiTaskEvaluator, nested_scores
from aurora_mm.evaluation.per_image import TargetResult, rows_by_image
from tests.fixtures.evaluation_samples import OWN_METRICS, TASKS, random_samples


def evaluated(number=12, seed=0):
    evaluator = MultiTaskEvaluator(OWN_METRICS)
    evaluator.dataset_meta = {'tasks': TASKS.to_config()}
    samples = random_samples(seed, number)
    evaluator.process(samples)
    return nested_scores(evaluator.evaluate(len(samples))), evaluator.per_image


def boxes(values, groups=None):
    place = dict(task='nodule', type='detection', target='nodule', image_path='', mask_path='', img_path='')
    return [
        TargetResult(**place, img_id=i, group=groups[i] if groups else '', height=3, width=4, IoU=value)
        for i, value in enumerate(values)
    ]


def test_a_resample_of_every_image_once_has_the_metrics_own_scores():
    scores, rows = evaluated()
    for task, images in rows_by_image(rows).items():
        found = _SCORES[TASKS[task].type](images, np.ones((1, len(images))))
        expected = {name: value for name, value in scores['tasks'][task].items() if name != 'AUC_present'}
        assert {name: value[0] for name, value in found.items()} == pytest.approx(expected, abs=1e-12)


def test_intervals_hold_the_score_of_every_metric_and_aggregate():
    scores, rows = evaluated()
    intervals = bootstrap_intervals(rows)
    pairs = [
        (scores['tasks'][task][name], interval)
        for task, of_task in intervals['tasks'].items()
        for name, interval in of_task.items()
    ]
    pairs += [(scores['types'][name], interval) for name, interval in intervals['types'].items()]
    pairs += [(scores[name], intervals[name]) for name in ('score', 'task_mean')]
    assert len(pairs) > 30
    assert all(low <= score <= high for score, (low, high) in pairs)
    assert sum(low < high for _, (low, high) in pairs) > 25


def test_the_interval_of_a_mean_is_that_of_the_normal_approximation():
    values = np.random.default_rng(0).normal(0.5, 0.1, 400)
    low, high = bootstrap_intervals(boxes(values), resamples=4000)['tasks']['nodule']['IoU']
    half = 1.96 * values.std() / math.sqrt(400)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.1 * half)


def test_equal_images_of_a_group_count_as_one():
    rng = np.random.default_rng(0)
    of_groups = rng.random(30)
    repeated = np.repeat(of_groups, 16)
    groups = [f'patient {i // 16}' for i in range(480)]
    by_group = bootstrap_intervals(boxes(repeated, groups))['tasks']['nodule']['IoU']
    by_image = bootstrap_intervals(boxes(repeated))['tasks']['nodule']['IoU']
    alone = bootstrap_intervals(boxes(of_groups))['tasks']['nodule']['IoU']
    assert by_group == pytest.approx(alone, abs=1e-12)  # the same draws, of patients
    assert np.diff(by_group) == pytest.approx(4 * np.diff(by_image), rel=0.2)


def test_images_without_a_group_stand_alone():
    images = [[row] for row in boxes([0, 0, 0, 0], ['a', 'a', '', ''])]
    weights = _draw(images, 200, np.random.default_rng(0))
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 2] != weights[:, 3]).any()
    assert (weights[:, 0] + weights[:, 2] + weights[:, 3] == 3).all()


def test_a_task_has_the_same_intervals_whatever_else_is_scored():
    _, rows = evaluated()
    alone = bootstrap_intervals([row for row in rows if row.task == 'plane'])
    together = bootstrap_intervals(rows)
    assert alone['tasks']['plane'] == together['tasks']['plane']
    assert bootstrap_intervals(rows, seed=1)['tasks']['plane'] != together['tasks']['plane']


def test_chunks_give_the_same_resamples(monkeypatch):
    _, rows = evaluated()
    whole = bootstrap_intervals(rows, resamples=50)
    monkeypatch.setattr('aurora_mm.analysis.bootstrap._CHUNK', 70)
    assert bootstrap_intervals(rows, resamples=50) == whole


def test_auc_has_no_interval_where_it_has_no_value():
    _, rows = evaluated()
    two_classes = [dataclasses.replace(row, truth=row.truth % 2) for row in rows if row.task == 'plane']
    assert 'AUC' not in bootstrap_intervals(two_classes)['tasks']['plane']
    assert 'MCC' in bootstrap_intervals(two_classes)['tasks']['plane']
