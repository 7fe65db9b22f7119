import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.distance import cdist

from aurora_mm.evaluation.functional import hd95_and_nsd, surface_distances


def nsd(pred, truth, tolerance, spacing):
    return hd95_and_nsd(pred, truth, tolerance, spacing=spacing)[1]


def square(top, left, side, shape=(40, 50)):
    mask = np.zeros(shape, bool)
    mask[top : top + side, left : left + side] = True
    return mask


def test_hand_worked():
    # A pixel 3 right and 4 down of another; then a 2 x 2 square, all boundary, around which a 4 x 4 one lies.
    both = surface_distances(square(1, 1, 1), square(5, 4, 1))
    assert [distances.tolist() for distances in both] == [[5], [5]]
    assert hd95_and_nsd(square(1, 1, 1), square(5, 4, 1), 2) == (5, 0)
    inner, outer = square(11, 11, 2), square(10, 10, 4)
    to_outer, to_inner = surface_distances(inner, outer)
    assert sorted(to_outer) == [1, 1, 1, 1]
    assert sorted(to_inner) == pytest.approx([1] * 8 + [2**0.5] * 4)
    # Within 1: all 4 of the inner and 8 of the 12 outer pixels.
    assert hd95_and_nsd(inner, outer, 1)[1] == 12 / 16


def test_a_shift_is_its_own_distance():
    # The boundary of a shifted square is at most the shift away, most of its far side exactly so.
    assert hd95_and_nsd(square(5, 5, 20), square(5, 8, 20), 3) == (3, 1)
    assert hd95_and_nsd(square(5, 5, 20), square(5, 8, 20), 2.9)[1] < 1


def test_empty_masks():
    empty = np.zeros((30, 40), bool)
    full = ~empty
    assert hd95_and_nsd(empty, empty, 2) == (0, 1)
    assert hd95_and_nsd(empty, full, 2) == hd95_and_nsd(full, empty, 2) == (50, 0)
    assert hd95_and_nsd(full, full, 2) == (0, 1)
    with pytest.raises(ValueError, match='empty mask'):
        surface_distances(empty, full)
    with pytest.raises(ValueError, match=r'\(2, 3\)'):
        surface_distances(np.ones((2, 2), bool), np.ones((2, 3), bool))


@pytest.mark.parametrize('seed', range(10))
def test_agrees_with_eroded_masks_and_all_pairs(seed):
    rng = np.random.default_rng(seed)
    pred, truth = (ndimage.gaussian_filter(rng.random((33, 47)), 3) > 0.5 for _ in range(2))
    edges = [np.argwhere(mask & ~ndimage.binary_erosion(mask)) for mask in (pred, truth)]
    distances = cdist(*edges)
    expected = distances.min(axis=1), distances.min(axis=0)
    for found, wanted in zip(surface_distances(pred, truth), expected, strict=True):
        np.testing.assert_allclose(np.sort(found), np.sort(wanted), atol=1e-12)
    in_pixels = hd95_and_nsd(pred, truth, 1.5, 0)
    assert in_pixels[0] == pytest.approx(max(np.percentile(values, 95) for values in expected))
    assert in_pixels[1:] == pytest.approx([(np.concatenate(expected) <= tolerance).mean() for tolerance in (1.5, 0)])


def test_in_mm_hand_worked():
    # A pixel 4 rows of 0.2 mm down and 3 columns of 0.5 mm right of another
    assert hd95_and_nsd(square(1, 1, 1), square(5, 4, 1), spacing=(0.2, 0.5))[0] == pytest.approx(
        (0.8**2 + 1.5**2) ** 0.5
    )
    empty = np.zeros((30, 40), bool)
    assert hd95_and_nsd(empty, empty, spacing=(0.2, 0.5))[0] == 0
    assert hd95_and_nsd(empty, ~empty, spacing=(0.2, 0.5))[0] == pytest.approx((6**2 + 20**2) ** 0.5)


@pytest.mark.parametrize('spacing', [(0.3, 0.1), (0.064, 0.25), (0.2, 0.2)])
def test_in_mm_agrees_with_all_pairs_and_distance_maps(spacing):
    rng = np.random.default_rng(7)
    pred, truth = (ndimage.gaussian_filter(rng.random((33, 47)), 3) > 0.5 for _ in range(2))
    edges = [mask & ~ndimage.binary_erosion(mask) for mask in (pred, truth)]
    distances = cdist(*(np.argwhere(edge) * spacing for edge in edges))
    expected = [distances.min(axis=1), distances.min(axis=0)]
    maps = [ndimage.distance_transform_edt(~edge, sampling=spacing) for edge in edges]
    assert expected[0] == pytest.approx(maps[1][edges[0]])
    assert hd95_and_nsd(pred, truth, spacing=spacing)[0] == pytest.approx(
        max(np.percentile(values, 95) for values in expected)
    )
    for found, wanted in zip(surface_distances(pred, truth, spacing), expected, strict=True):
        np.testing.assert_allclose(np.sort(found), np.sort(wanted), atol=1e-12)
    for tolerance in (0.05, 0.2, 0.6):
        near = (np.concatenate(expected) <= tolerance + 1e-9).mean()
        assert nsd(pred, truth, tolerance, spacing) == pytest.approx(near)
        assert nsd(pred, truth, tolerance, spacing) == pytest.approx(by_simpleitk(edges, tolerance, spacing))


def by_simpleitk(edges, tolerance, spacing):
    """The share of both boundaries within a tolerance of the other, by SimpleITK's distance maps."""
    sitk = pytest.importorskip('SimpleITK')
    distances = []
    for own, other in (edges, edges[::-1]):
        image = sitk.GetImageFromArray(other.astype(np.uint8))
        image.SetSpacing(spacing[::-1])  # x first
        away = sitk.SignedMaurerDistanceMap(image, insideIsPositive=False, squaredDistance=False, useImageSpacing=True)
        distances.append(np.maximum(sitk.GetArrayFromImage(away), 0)[own])  # negative inside
    return (np.concatenate(distances) <= tolerance + 1e-5).mean()


def test_nsd_in_mm_hand_worked():
    # 20 x 20 pixels of 0.1 x 0.4 mm, moved by two rows, then by one column
    mask, down, right = square(5, 5, 20), square(7, 5, 20), square(5, 6, 20)
    assert nsd(mask, down, 0.2, (0.1, 0.4)) == 1
    assert nsd(mask, right, 0.4, (0.1, 0.4)) == 1
    assert nsd(mask, down, 0.19, (0.1, 0.4)) < nsd(mask, down, 0.19, (0.09, 0.4)) == 1
    assert nsd(square(1, 1, 1), square(1, 4, 1), 0.3, (0.7, 0.1)) == 1  # 3 * 0.1 is more than 0.3 in floating point
    assert nsd(square(1, 1, 1), square(1, 4, 1), 0.29, (0.7, 0.1)) == 0
    assert nsd(square(1, 1, 1), square(2, 4, 1), 0.7, (0.7, 0.1)) == 0
    empty = np.zeros((30, 40), bool)
    assert nsd(empty, empty, 1, (0.1, 0.4)) == 1
    assert nsd(empty, ~empty, 1, (0.1, 0.4)) == nsd(~empty, empty, 1, (0.1, 0.4)) == 0
