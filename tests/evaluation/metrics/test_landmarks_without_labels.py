"""Scores of landmarks where some are not labelled, by hand, and through the files that keep them."""

import math

import numpy as np
import pytest
import torch

from aurora_mm.analysis.bootstrap import bootstrap_intervals
from aurora_mm.analysis.breakdowns import by_target, ranked
from aurora_mm.errors import DataError
from aurora_mm.evaluation import LandmarkMetric, read_per_image, score_rows, write_per_image
from aurora_mm.structures import TaskDataSample
from tests.fixtures.evaluation_samples import TASKS, evaluated, landmark_sample

MISSING = [math.nan, math.nan]
PRED = [[13, 14], [20, 20]]


@pytest.fixture
def result():
    return evaluated(
        [
            landmark_sample([[10, 10], MISSING], PRED, img_id=0),
            landmark_sample([[10, 10], [20, 21]], PRED, img_id=1, pixel_spacing=(0.5, 0.5)),
            landmark_sample([MISSING, [20, 22]], PRED, img_id=2, pixel_spacing=(0.5, 0.5)),
        ]
    )


def test_hand_worked(result):
    scores = result.of_task('femur')
    assert scores['MRE'] == pytest.approx((5 + (5 + 1) / 2 + 2) / 3)
    assert scores['MRE_diagonal'] == pytest.approx(scores['MRE'] / 50)
    assert scores['MRE_left'] == 5
    assert scores['MRE_right'] == 1.5
    assert scores['MRE_mm'] == pytest.approx((1.5 + 1) / 2)
    assert scores['n_mm'] == 2


def test_only_labelled_points_have_rows(result, tmp_path):
    assert [(row.img_id, row.target) for row in result.rows] == [(0, 'left'), (1, 'left'), (1, 'right'), (2, 'right')]
    write_per_image(tmp_path / 'per_image.csv', result.rows)
    rows = read_per_image(tmp_path / 'per_image.csv', TASKS)
    assert rows == result.rows
    assert score_rows(rows, TASKS).of_task('femur') == result.of_task('femur')


def test_rows_in_another_order_are_refused(result, tmp_path):
    rows = [result.rows[2], result.rows[1]]
    write_per_image(tmp_path / 'per_image.csv', rows)
    with pytest.raises(DataError, match=r"row 2: .*rows of \['right', 'left'\], which is not the order"):
        read_per_image(tmp_path / 'per_image.csv', TASKS)


def test_breakdowns_ranks_and_intervals(result):
    means = {group.name: next(iter(group.scores.values())) for group in by_target(result.rows)}
    assert means == dict(left=5, right=1.5)
    low, high = bootstrap_intervals(result.rows, resamples=200)['tasks']['femur']['MRE']
    assert 2 <= low < high <= 5
    assert [image.rows[0].img_id for image in ranked(result.rows)['femur']] == [0, 1, 2]


def test_restored_to_be_drawn(result):
    sample = TaskDataSample()
    LandmarkMetric.restore(sample, [result.rows[0]], TASKS['femur'].points)
    np.testing.assert_array_equal(sample.gt_landmarks, torch.tensor([[10, 10], MISSING]))
    np.testing.assert_array_equal(sample.pred_landmarks, torch.tensor([[13, 14], MISSING]))


def test_an_image_without_any_label_is_refused():
    with pytest.raises(DataError, match=r"images/0\.png: no point of task 'femur' is labelled"):
        evaluated([landmark_sample([MISSING, MISSING], PRED)])
