import numpy as np
import pytest

from aurora_mm.evaluation.functional import box_iou, pairwise_iou


@pytest.mark.parametrize(
    ('a', 'b', 'expected'),
    [
        ([0, 0, 2, 2], [0, 0, 2, 2], 1),
        ([0, 0, 2, 2], [1, 1, 3, 3], 1 / 7),
        ([0, 0, 4, 2], [1, 0, 2, 2], 2 / 8),
        ([0, 0, 1, 1], [1, 0, 2, 1], 0),  # they only touch
        ([0, 0, 1, 1], [5, 5, 6, 6], 0),  # apart on both axes: the product of two negative sides is no overlap
        ([1, 1, 1, 1], [1, 1, 1, 1], 0),  # no area
        ([2, 2, 0, 0], [0, 0, 2, 2], 0),  # corners swapped
    ],
)
def test_hand_worked(a, b, expected):
    a, b = np.array(a, float), np.array(b, float)
    assert box_iou(a, b) == pytest.approx(expected)
    assert box_iou(b, a) == pytest.approx(expected)


def test_agrees_with_counted_pixels():
    rng = np.random.default_rng(0)
    for _ in range(30):
        masks, boxes = np.zeros((2, 20, 20), bool), []
        for mask in masks:
            (x1, x2), (y1, y2) = (sorted(rng.choice(21, 2, replace=False)) for _ in range(2))
            mask[y1:y2, x1:x2] = True
            boxes.append(np.array([x1, y1, x2, y2]))
        expected = (masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum()
        assert box_iou(*boxes) == pytest.approx(expected)


def test_pairs():
    a = np.array([[0, 0, 2, 2], [1, 1, 3, 3]], float)
    b = np.array([[0, 0, 2, 2], [9, 9, 10, 10], [1, 1, 3, 3]], float)
    np.testing.assert_allclose(pairwise_iou(a, b), [[1, 0, 1 / 7], [1 / 7, 0, 1]])
