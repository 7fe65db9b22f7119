import numpy as np
import pytest
from sklearn.metrics import f1_score

from aurora_mm.evaluation.functional import dice, resize_mask


def test_hand_worked():
    pred = np.array([[1, 1, 0], [0, 0, 0]], bool)
    truth = np.array([[0, 1, 1], [1, 0, 0]], bool)
    assert dice(pred, truth) == pytest.approx(2 * 1 / (2 + 3))
    assert dice(truth, pred) == dice(pred, truth)


def test_empty_masks():
    empty, full = np.zeros((3, 4), bool), np.ones((3, 4), bool)
    assert dice(empty, empty) == 1
    assert dice(empty, full) == 0
    assert dice(full, empty) == 0
    assert dice(full, full) == 1


def test_agrees_with_sklearn():
    rng = np.random.default_rng(0)
    for _ in range(20):
        pred, truth = rng.random((2, 7, 9)) < rng.random()
        assert dice(pred, truth) == pytest.approx(f1_score(truth.ravel(), pred.ravel(), zero_division=1.0))


def test_other_shape_is_refused():
    with pytest.raises(ValueError, match=r'\(2, 2\)'):
        dice(np.zeros((2, 2), bool), np.zeros((2, 3), bool))


def test_resizing_by_whole_factors_repeats_pixels():
    mask = np.array([[0, 1, 2], [3, 4, 5]])
    large = resize_mask(mask, (4, 9))
    np.testing.assert_array_equal(large, mask.repeat(2, axis=0).repeat(3, axis=1))
    np.testing.assert_array_equal(resize_mask(large, (2, 3)), mask)


def test_resizing_makes_no_class_up():
    mask = np.random.default_rng(0).choice([0, 7], (13, 11))
    assert set(np.unique(resize_mask(mask, (29, 5)))) <= {0, 7}


def test_resizing_to_the_same_size_changes_nothing():
    mask = np.array([[0, 3], [255, 1]])
    np.testing.assert_array_equal(resize_mask(mask, (2, 2)), mask)
