import dataclasses
import math

import numpy as np
import pytest

from aurora_mm.analysis.bootstrap import _draw, bootstrap_intervals
from aurora_mm.evaluation import MultiTaskEvaluator, ResultRow, nested_scores
from tests.fixtures.evaluation_samples import TASKS, random_samples


def evaluated(number=12, seed=0):
    evaluator = MultiTaskEvaluator()
    evaluator.dataset_meta = {'tasks': TASKS.to_config()}
    samples = random_samples(seed, number)
    evaluator.process(samples)
    return nested_scores(evaluator.evaluate(len(samples))), evaluator.result.rows


def boxes(values, groups=None):
    place = dict(task='nodule', metric='BoxIoUMetric', target='nodule', image_path='', mask_path='', img_path='')
    return [
        ResultRow(**place, img_id=i, group=groups[i] if groups else '', height=3, width=4, values=dict(IoU=value))
        for i, value in enumerate(values)
    ]


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
    two_classes = [
        dataclasses.replace(row, values=row.values | dict(truth=row['truth'] % 2))
        for row in rows
        if row.task == 'plane'
    ]
    intervals = bootstrap_intervals(two_classes)['tasks']['plane']
    assert 'AUC' not in intervals
    assert {'MCC', 'AUC_present'} <= intervals.keys()


def test_a_task_that_counts_as_0_lowers_the_means():
    rows = boxes(np.random.default_rng(0).random(30))
    tasks = TASKS.only(['nodule', 'femur'])
    alone, both = bootstrap_intervals(rows), bootstrap_intervals(rows, tasks, unscored=['femur'])
    assert both['types']['landmark'] == [0, 0]
    assert both['types']['detection'] == alone['types']['detection']
    assert both['score'] == pytest.approx([end / 2 for end in alone['score']])
    assert both['task_mean'] == pytest.approx([end / 2 for end in alone['task_mean']])
    assert list(both['tasks']) == ['nodule']


def test_means_over_a_task_without_rows_have_no_interval():
    """A metric of another package judges it, so nothing is known of its images."""
    intervals = bootstrap_intervals(boxes([0.1, 0.2, 0.9]), TASKS.only(['nodule', 'femur']))
    assert intervals['types'].keys() == {'detection'}
    assert not {'score', 'task_mean'} & intervals.keys()


def test_a_second_metric_has_intervals_under_its_prefix_and_does_not_judge():
    first = boxes([0.1, 0.2, 0.9])
    second = [dataclasses.replace(row, metric='again/BoxIoUMetric', values=dict(IoU=1.0)) for row in first]
    intervals = bootstrap_intervals(first + second)
    assert intervals['tasks']['nodule'].keys() == {'IoU', 'primary', 'again/IoU'}
    assert intervals['tasks']['nodule']['again/IoU'] == [1, 1]
    assert intervals['score'] == bootstrap_intervals(first)['score']
