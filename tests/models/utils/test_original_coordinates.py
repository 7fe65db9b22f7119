import numpy as np
import pytest
import torch
import torch.nn.functional as F

from aurora_mm.models.utils.original_coordinates import (
    boxes_to_original,
    class_masks_from_views,
    map_to_original,
    mask_from_views,
    points_to_original,
)
from aurora_mm.structures import MaskView

SQUASH = np.diag([64 / 200, 64 / 100, 1.0])
# 100 x 200 (height x width) into 64 x 64 with its aspect kept: 32 rows of picture, 16 of padding above and below.
LETTERBOX = np.array([[0.32, 0, 0], [0, 0.32, 16], [0, 0, 1]])
ROTATED = np.array([[0, -1, 100], [1, 0, 0], [0, 0, 1.0]])  # a quarter turn of a 100 x 200 image


def test_points_and_boxes_by_hand():
    points = torch.tensor([[32.0, 32.0], [0.0, 16.0]])
    torch.testing.assert_close(points_to_original(points, SQUASH), torch.tensor([[100.0, 50.0], [0.0, 25.0]]))
    torch.testing.assert_close(points_to_original(points, LETTERBOX), torch.tensor([[100.0, 50.0], [0.0, 0.0]]))
    box = torch.tensor([[16.0, 0.0, 32.0, 32.0]])
    torch.testing.assert_close(boxes_to_original(box, LETTERBOX, (100, 200)), torch.tensor([[50.0, 0.0, 100.0, 50.0]]))


def test_a_rotated_box_comes_back():
    box = torch.tensor([[10.0, 20.0, 60.0, 50.0]], dtype=torch.float64)
    corners = np.array([[10, 20, 1], [60, 20, 1], [60, 50, 1], [10, 50, 1]]) @ ROTATED.T
    turned = torch.tensor([[*corners.min(0)[:2], *corners.max(0)[:2]]])
    torch.testing.assert_close(boxes_to_original(turned, ROTATED, (100, 200)), box)


def test_squashed_maps_come_back_as_interpolate_has_them():
    scores = torch.randn(3, 16, 16)
    expected = F.interpolate(scores[None], size=(100, 200), mode='bilinear', align_corners=False)[0]
    torch.testing.assert_close(map_to_original(scores, SQUASH, (64, 64), (100, 200)), expected, atol=1e-4, rtol=1e-4)


def test_letterboxed_maps_lose_their_padding():
    scores = torch.randn(2, 64, 64)
    expected = F.interpolate(scores[None, :, 16:48], size=(100, 200), mode='bilinear', align_corners=False)[0]
    found = map_to_original(scores, LETTERBOX, (64, 64), (100, 200))
    torch.testing.assert_close(found[:, 2:-2], expected[:, 2:-2], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize('shape', [(16, 16), (1, 3), (90, 70)])
@pytest.mark.parametrize('mirrored', [False, True])
@pytest.mark.parametrize('fit', [SQUASH, LETTERBOX], ids=['squash', 'letterbox'])
def test_axes_sampled_on_their_own_give_what_grid_sample_gives(fit, mirrored, shape):
    scores = torch.randn(3, *shape)
    matrix = np.array([[-1.0, 0, 64], [0, 1, 0], [0, 0, 1]]) @ fit if mirrored else fit
    turned = matrix.copy()
    turned[0, 1] = 1e-12  # makes it go through grid_sample
    found, expected = (map_to_original(scores, m, (64, 64), (100, 200)) for m in (matrix, turned))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_maps_keep_their_precision_under_autocast():
    scores = torch.randn(2, 16, 16)
    expected = map_to_original(scores, SQUASH, (64, 64), (100, 200))
    with torch.autocast('cpu', torch.bfloat16):
        torch.testing.assert_close(map_to_original(scores, SQUASH, (64, 64), (100, 200)), expected)


@pytest.mark.parametrize('classes', [3, 8, 9])
def test_the_class_of_a_pixel_is_that_of_the_highest_score(classes):
    """numpy's argmax is the witness; of few classes, the first of equal scores wins."""
    generator = torch.Generator().manual_seed(0)
    scores = torch.randint(0, 4, (classes, 5, 7), generator=generator).float()
    if classes > 8:
        scores += torch.rand(scores.shape, generator=generator)
    views = [MaskView(scores, np.eye(3), (5, 7))]
    np.testing.assert_array_equal(mask_from_views(views, (5, 7))[0], scores.numpy().argmax(0))


@pytest.mark.parametrize('make', [mask_from_views, class_masks_from_views])
def test_masks_are_empty_outside_of_a_cropped_network_input(make):
    """A network input of 8 x 8 pixels that shows x from 4 to 12 and y from 2 to 10 of an image of 16 x 16."""
    matrix = np.array([[1.0, 0, -4], [0, 1, -2], [0, 0, 1]])
    probs = torch.tensor([0.1, 0.9])[:, None, None].expand(2, 8, 8)
    (mask,) = make([MaskView(probs, matrix, (8, 8))], (16, 16))[-1:]
    inside = torch.zeros(16, 16, dtype=torch.bool)
    inside[2:10, 4:12] = True
    assert torch.equal(mask == 1, inside)
