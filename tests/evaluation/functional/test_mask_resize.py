import numpy as np

from aurora_mm.evaluation.functional import resize_mask


def test_whole_factors_repeat_pixels():
    mask = np.array([[0, 1, 2], [3, 4, 5]])
    large = resize_mask(mask, (4, 9))
    np.testing.assert_array_equal(large, mask.repeat(2, axis=0).repeat(3, axis=1))
    np.testing.assert_array_equal(resize_mask(large, (2, 3)), mask)


def test_no_class_is_made_up():
    mask = np.random.default_rng(0).choice([0, 7], (13, 11))
    assert set(np.unique(resize_mask(mask, (29, 5)))) <= {0, 7}


def test_same_size_is_untouched():
    mask = np.array([[0, 3], [255, 1]])
    np.testing.assert_array_equal(resize_mask(mask, (2, 2)), mask)
