import math

import cv2
import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.distance import cdist, directed_hausdorff

from aurora_mm.evaluation.functional import hausdorff_distance


def brute_force(pred, truth, spacing=(1, 1)):
    distances = cdist(np.argwhere(pred) * spacing, np.argwhere(truth) * spacing)
    return max(distances.min(axis=0).max(), distances.min(axis=1).max())


def point(shape, row, column):
    mask = np.zeros(shape, bool)
    mask[row, column] = True
    return mask


def test_hand_worked():
    assert hausdorff_distance(point((10, 10), 1, 2), point((10, 10), 4, 6)) == 5
    near_and_far = point((10, 10), 1, 2) | point((10, 10), 1, 9)
    assert hausdorff_distance(point((10, 10), 1, 2), near_and_far) == 7
    assert hausdorff_distance(near_and_far, point((10, 10), 1, 2)) == 7


def test_empty_masks():
    empty, full = np.zeros((30, 40), bool), np.ones((30, 40), bool)
    assert hausdorff_distance(empty, empty) == 0
    assert hausdorff_distance(empty, full) == 50
    assert hausdorff_distance(full, empty) == 50
    assert hausdorff_distance(full, full) == 0


def test_a_filled_hole_counts():
    filled = np.ones((21, 21), bool)
    ring = filled.copy()
    ring[5:16, 5:16] = False
    assert hausdorff_distance(filled, ring) == 6  # from the centre to the nearest pixel of the ring


@pytest.mark.parametrize('seed', range(40))
def test_agrees_with_brute_force_and_scipy(seed):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(4, 60, 2))
    masks = []
    for _ in range(2):
        canvas = np.zeros(shape, np.uint8)
        centre = int(rng.integers(shape[1])), int(rng.integers(shape[0]))
        axes = int(rng.integers(1, shape[1])), int(rng.integers(1, shape[0]))
        cv2.ellipse(canvas, centre, axes, float(rng.integers(180)), 0, 360, 1, -1 if seed % 2 else 1)
        canvas[rng.integers(shape[0]), rng.integers(shape[1])] = 1
        masks.append(canvas > 0)
    pred, truth = masks
    distance = hausdorff_distance(pred, truth)
    assert distance == pytest.approx(brute_force(pred, truth), abs=1e-9)
    points = np.argwhere(pred), np.argwhere(truth)
    both_ways = max(directed_hausdorff(*points)[0], directed_hausdorff(*points[::-1])[0])
    assert distance == pytest.approx(both_ways, abs=1e-9)


def test_exact_over_large_distances():
    assert hausdorff_distance(point((1500, 1300), 0, 1), point((1500, 1300), 1499, 1299)) == math.hypot(1499, 1298)


def test_does_not_depend_on_place_or_orientation():
    rng = np.random.default_rng(0)
    pred, truth = rng.random((2, 12, 17)) < 0.05
    distance = hausdorff_distance(pred, truth)
    assert distance > 0
    assert hausdorff_distance(np.pad(pred, ((3, 9), (5, 0))), np.pad(truth, ((3, 9), (5, 0)))) == distance
    assert hausdorff_distance(pred.T[::-1], truth.T[::-1]) == distance


def test_other_shape_is_refused():
    with pytest.raises(ValueError, match=r'\(2, 2\)'):
        hausdorff_distance(np.zeros((2, 2), bool), np.zeros((2, 3), bool))


def random_shapes(rng, shape):
    """Ellipses, rings and holes, at any place: some beyond the image's edge, some of one pixel."""
    canvas = np.zeros(shape, np.uint8)
    for _ in range(rng.integers(1, 4)):
        centre = int(rng.integers(shape[1])), int(rng.integers(shape[0]))
        axes = int(rng.integers(shape[1])), int(rng.integers(shape[0]))
        cv2.ellipse(canvas, centre, axes, float(rng.integers(180)), 0, 360, 1, int(rng.choice([-1, 1, 5])))
        hole = int(rng.integers(shape[1])), int(rng.integers(shape[0]))
        cv2.circle(canvas, hole, int(rng.integers(1, 20)), 0, -1)
    canvas[rng.integers(shape[0]), rng.integers(shape[1])] = 1
    return canvas > 0


def simple_itk(pred, truth, spacing=(1.0, 1.0)):
    sitk = pytest.importorskip('SimpleITK', reason='the official scorer takes the Hausdorff distance from SimpleITK')
    hausdorff = sitk.HausdorffDistanceImageFilter()
    images = [sitk.GetImageFromArray(mask.astype(np.uint8) * 255) for mask in (pred, truth)]
    for image in images:
        image.SetSpacing(spacing[::-1])
    hausdorff.Execute(*images)
    return hausdorff.GetHausdorffDistance()


def test_agrees_with_simple_itk_and_is_exact():
    rng = np.random.default_rng(0)
    for _ in range(300):
        shape = tuple(rng.integers(1, 120, 2))
        pred, truth = random_shapes(rng, shape), random_shapes(rng, shape)
        distance = hausdorff_distance(pred, truth)
        to_truth, to_pred = (ndimage.distance_transform_edt(~mask) for mask in (truth, pred))
        assert distance == max(to_truth[pred].max(), to_pred[truth].max())
        assert distance == pytest.approx(simple_itk(pred, truth), abs=1e-4)


@pytest.mark.parametrize('density', [0.0005, 0.02, 0.5])
def test_noise_at_the_size_of_an_image(density):
    pred, truth = np.random.default_rng(0).random((2, 540, 800)) < density
    assert hausdorff_distance(pred, truth) == pytest.approx(simple_itk(pred, truth), abs=1e-4)


@pytest.mark.parametrize('place', [(0, 0), (0, 39), (29, 0), (29, 39), (14, 20)])
def test_one_pixel_against_a_full_mask(place):
    expected = max(math.hypot(place[0] - row, place[1] - column) for row in (0, 29) for column in (0, 39))
    assert hausdorff_distance(point((30, 40), *place), np.ones((30, 40), bool)) == expected


def test_in_mm_hand_worked():
    # 3 rows of 0.2 mm down and 4 columns of 0.1 mm right
    one, other = point((10, 10), 1, 2), point((10, 10), 4, 6)
    assert hausdorff_distance(one, other, (0.2, 0.1)) == pytest.approx(math.hypot(0.6, 0.4))
    assert hausdorff_distance(one, other, (0.1, 0.1)) == pytest.approx(0.5)
    # The nearest pixel in mm is not the nearest in pixels: 3 columns away or 2 rows.
    both = point((10, 10), 1, 5) | point((10, 10), 3, 2)
    assert hausdorff_distance(both | one, both) == 2
    assert hausdorff_distance(both | one, both, (2.0, 0.5)) == 1.5
    empty = np.zeros((30, 40), bool)
    assert hausdorff_distance(empty, ~empty, (0.2, 0.1)) == pytest.approx(math.hypot(30 * 0.2, 40 * 0.1))
    assert hausdorff_distance(empty, empty, (0.2, 0.1)) == 0


@pytest.mark.parametrize('spacing', [(0.3, 0.1), (0.064, 0.25), (0.2, 0.2)])
def test_in_mm_agrees_with_simple_itk_and_all_pairs(spacing):
    rng = np.random.default_rng(1)
    for _ in range(40):
        shape = tuple(rng.integers(1, 60, 2))
        pred, truth = random_shapes(rng, shape), random_shapes(rng, shape)
        distance = hausdorff_distance(pred, truth, spacing)
        assert distance == pytest.approx(brute_force(pred, truth, spacing), abs=1e-9)
        assert distance == pytest.approx(simple_itk(pred, truth, spacing), abs=1e-4)


def test_equal_sides_are_no_special_case_but_in_speed():
    pred, truth = np.random.default_rng(0).random((2, 40, 50)) < 0.02
    scaled = hausdorff_distance(pred, truth, (0.3, 0.3))
    assert scaled == pytest.approx(hausdorff_distance(pred, truth, (0.3, np.nextafter(0.3, 1))), rel=1e-12)
    assert scaled == 0.3 * hausdorff_distance(pred, truth)
