"""Points of a landmark task, of which some may not be labelled, from the CSV file to the data sample."""

import json

import numpy as np
import pytest

from aurora_mm.annotations import ANNOTATIONS
from aurora_mm.datasets import FMCUIADataset
from aurora_mm.datasets.transforms import ApplyGeometry, LandmarkJitter, LoadTaskAnnotations, RandomGeometry
from aurora_mm.errors import DataError
from aurora_mm.tasks import Task
from tests.fixtures.fmc_root import HEIGHT, WIDTH

TASK = dict(name='femur', type='landmark', points=['left', 'right'], swaps=[('left', 'right')])
LANDMARKS = ANNOTATIONS['landmark']


def items(root, *rows):
    root.csv('femur', list(rows))
    return FMCUIADataset(str(root.path), 'all', tasks=[TASK], test_mode=True).load_data_list()


def loaded(points, **changes):
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    row = dict(
        task='femur',
        task_type='landmark',
        num_outputs=2,
        points=points,
        img=image,
        img_path='a.png',
        img_coordinates='original',
    )
    row |= dict(ori_shape=(HEIGHT, WIDTH), img_shape=(HEIGHT, WIDTH), homography_matrix=np.eye(3), flip=False)
    row |= dict(flip_indices=[1, 0], may_flip=True, may_zoom=True, max_rotation=None, point_order=[])
    return LoadTaskAnnotations().transform(row | changes)


def test_null_is_a_point_without_label(fmc_root):
    rows = items(fmc_root, fmc_root.point_row(0), fmc_root.point_row(1, ('null', '[48.5, 35]')))
    assert [row['points'] for row in rows] == [[[16, 15], [48.5, 35]], [None, [48.5, 35]]]


def test_format_is_the_inverse_of_parse():
    points = [None, [48.5, 35.0]]
    cells = LANDMARKS.format(dict(points=points))
    assert cells == dict(point_1_xy='null', point_2_xy='[48.5, 35.0]')
    assert LANDMARKS.parse(cells, Task.from_config(TASK), files=None) == dict(points=points)
    assert LANDMARKS.format(dict(points=np.array([[1, 2.5]]))) == dict(point_1_xy=json.dumps([1.0, 2.5]))


@pytest.mark.parametrize(
    ('points', 'said'),
    [
        (('null', 'null'), "no point of 'femur' is labelled; leave this row out"),
        (('', '[48.5, 35]'), "point_1_xy of 'femur' is empty .*; 'null' stands for a point that is not labelled"),
        (('[null, null]', '[48.5, 35]'), 'is not a point; it should read "\\[x, y\\]", or "null" of one without label'),
        (('NaN', '[48.5, 35]'), 'is not a point'),
    ],
)
def test_what_is_refused(fmc_root, points, said):
    with pytest.raises(DataError, match=said):
        items(fmc_root, fmc_root.point_row(0, points))


def test_loaded_as_nan_and_checked_without_it():
    points = loaded([None, [48.5, 35]])['gt_landmarks']
    np.testing.assert_array_equal(points, [[np.nan, np.nan], [48.5, 35]])
    with pytest.raises(DataError, match='not within the image'):
        loaded([None, [WIDTH + 1, 35]])
    with pytest.raises(DataError, match='within the first pixel'):
        loaded([None, [0.5, 0.25]])


def test_flipped_with_the_other_points():
    """The left point is not labelled; in the mirrored image it is the right one that is not."""
    mirrored = dict(flip=True, homography_matrix=np.array([[-1.0, 0, WIDTH], [0, 1, 0], [0, 0, 1]]))
    row = ApplyGeometry().transform(loaded([None, [48.5, 35]]) | mirrored)
    np.testing.assert_array_equal(row['gt_landmarks'], np.array([[WIDTH - 48.5, 35], [np.nan] * 2], np.float32))


def test_a_pair_with_an_unlabelled_point_keeps_its_names():
    row = ApplyGeometry().transform(loaded([[50, 35], None], point_order=[(0, 0, 1)]))
    np.testing.assert_array_equal(row['gt_landmarks'], np.array([[50, 35], [np.nan] * 2], np.float32))


def test_the_labelled_points_stay_in_view():
    """Rotations are drawn: a missing point is out of view nowhere, and one at the border limits them."""
    np.random.seed(0)
    turned = [RandomGeometry(flip_prob=0, shift=0.0).transform(loaded([None, [32, 24]])) for _ in range(20)]
    assert all(not np.allclose(row['homography_matrix'], np.eye(3)) for row in turned)
    zoomed = RandomGeometry(flip_prob=0, scale=(1.2, 1.2), shift=0.0)
    kept = [zoomed.transform(loaded([None, [WIDTH, HEIGHT]])) for _ in range(20)]
    assert all(np.allclose(row['homography_matrix'], np.eye(3)) for row in kept)


def test_noise_leaves_an_unlabelled_point_unlabelled():
    row = ApplyGeometry().transform(loaded([None, [48.5, 35]]))
    points = LandmarkJitter().transform(row)['gt_landmarks']
    assert np.isnan(points[0]).all()
    assert np.isfinite(points[1]).all()
    assert points[1].tolist() != [48.5, 35]
