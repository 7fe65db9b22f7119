import numpy as np
import pytest

from aurora_mm.evaluation.functional import radial_errors


def test_hand_worked():
    truth = np.array([[10.0, 20.0], [5.0, 5.0]])
    pred = truth + np.array([[3, 4], [0, -1]])
    assert radial_errors(pred, truth).tolist() == pytest.approx([5, 1])


def test_in_mm_hand_worked():
    truth = np.array([[10.0, 20.0], [5.0, 5.0]])  # 3 columns of 0.5 mm and 4 rows of 0.2 mm; then a row
    errors = radial_errors(truth + np.array([[3, 4], [0, -1]]), truth, (0.2, 0.5))
    assert errors.tolist() == pytest.approx([(1.5**2 + 0.8**2) ** 0.5, 0.2])


def test_does_not_depend_on_a_rotation():
    rng = np.random.default_rng(0)
    pred, truth = rng.random((2, 5, 2))
    rotation = np.array([[0.6, -0.8], [0.8, 0.6]])
    np.testing.assert_allclose(radial_errors(pred @ rotation, truth @ rotation), radial_errors(pred, truth))


@pytest.mark.parametrize('shape', [(3, 2), (2, 3), (4,)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match='K, 2'):
        radial_errors(np.zeros(shape), np.zeros((2, 2)))
    with pytest.raises(ValueError, match='K, 2'):
        radial_errors(np.zeros((4,)), np.zeros((4,)))
