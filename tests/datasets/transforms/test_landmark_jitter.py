"""Landmarks are moved by noise of the asked spread, and nothing else is."""

import numpy as np
import pytest

from aurora_mm.datasets.transforms import LandmarkJitter
from aurora_mm.errors import ConfigError

SHAPE = (60, 100)


def results(points, point_order=(), **changes):
    row = dict(task_type='landmark', gt_coordinates='network', img_shape=SHAPE, point_order=list(point_order))
    return row | dict(gt_landmarks=np.array(points, np.float32)) | changes


def test_the_noise_has_the_asked_spread_in_both_directions():
    np.random.seed(0)
    row = LandmarkJitter(sigma=3.0).transform(results([[50, 30]] * 2000))
    moves = row['gt_landmarks'] - (50, 30)
    assert row['gt_landmarks'].dtype == np.float32
    np.testing.assert_allclose(moves.mean(axis=0), 0, atol=0.2)
    np.testing.assert_allclose(moves.std(axis=0), 3, atol=0.15)
    assert abs(np.corrcoef(moves.T)[0, 1]) < 0.1


def test_landmarks_stay_inside_the_network_input():
    np.random.seed(0)
    points = LandmarkJitter(sigma=5.0).transform(results([[0, 0], [100, 60]] * 100))['gt_landmarks']
    assert points.min() == 0
    assert points.max(axis=0).tolist() == [100, 60]
    assert len(np.unique(points[:, 0])) > 50


def test_ordered_points_stay_in_order():
    """The first point is named for being left of the second; noise that reverses them swaps their names."""
    np.random.seed(0)
    swapped = 0
    for _ in range(100):
        before = results([[50, 10], [51, 50]], point_order=[(0, 0, 1)])
        points = LandmarkJitter(sigma=2.0).transform(before)['gt_landmarks']
        assert points[0, 0] <= points[1, 0]
        swapped += int(points[0, 1] > points[1, 1])
    assert 20 < swapped < 60


def test_other_annotations_and_the_input_array_stay_as_they_are():
    points, box = np.array([[50, 30]], np.float32), np.array([[10, 10, 20, 20]], np.float32)
    other = dict(task_type='detection', gt_coordinates='network', gt_bboxes=box.copy())
    row = results(points) | dict(gt_landmarks=points, other_rows=[other, dict(task_type='classification')])
    np.random.seed(0)
    row = LandmarkJitter().transform(row)
    assert points.tolist() == [[50, 30]]
    assert not np.array_equal(row['gt_landmarks'], points)
    np.testing.assert_array_equal(other['gt_bboxes'], box)


def test_landmarks_of_another_task_of_the_image_are_moved_too():
    np.random.seed(0)
    first = dict(task_type='classification', gt_coordinates='network', gt_label=1, img_shape=SHAPE)
    other = results([[50, 30]])
    LandmarkJitter().transform(first | dict(other_rows=[other]))
    assert other['gt_landmarks'].tolist() != [[50, 30]]


def test_no_noise():
    assert LandmarkJitter(sigma=0).transform(results([[50, 30]]))['gt_landmarks'].tolist() == [[50, 30]]


def test_what_is_refused():
    with pytest.raises(ConfigError, match='LandmarkJitter: sigma must be a finite number from 0 on, not -1'):
        LandmarkJitter(sigma=-1)
    with pytest.raises(ConfigError, match='put it after LoadTaskAnnotations and ApplyGeometry'):
        LandmarkJitter().transform(results([[50, 30]], gt_coordinates='original'))
