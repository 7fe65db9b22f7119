import math

import pytest
import torch

from aurora_mm.evaluation.functional import box_iou
from aurora_mm.models.losses import (
    aligned_giou,
    aligned_iou,
    dice_loss,
    quality_focal_loss,
    weighted_cross_entropy,
)


def test_dice_of_a_perfect_and_of_an_opposite_map():
    target = torch.zeros(1, 4, 4, dtype=torch.long)
    target[0, :2] = 1
    sure = torch.stack([target == 0, target == 1], dim=1).float() * 40
    assert dice_loss(sure, target) == pytest.approx(0, abs=1e-6)
    # No overlap, 8 pixels each: 1 - (0 + 1) / (8 + 8 + 1).
    assert dice_loss(sure.flip(1), target) == pytest.approx(1 - 1 / 17, abs=1e-6)


def test_ignored_pixels_do_not_count():
    """The losses of a padded map are those of the map within."""
    torch.manual_seed(0)
    target = torch.randint(0, 3, (2, 6, 8))
    padded = torch.full((2, 10, 8), 255)
    padded[:, :6] = target
    logits = torch.randn(2, 3, 10, 8)
    torch.testing.assert_close(dice_loss(logits, padded), dice_loss(logits[:, :, :6], target))
    within = weighted_cross_entropy(logits[:, :, :6], target, 0.2)
    torch.testing.assert_close(weighted_cross_entropy(logits, padded, 0.2), within)


def test_dice_of_an_absent_class_costs_nothing():
    target = torch.zeros(2, 4, 4, dtype=torch.long)
    logits = torch.zeros(2, 3, 4, 4)
    logits[:, 0] = 40
    assert dice_loss(logits, target) == pytest.approx(0, abs=1e-6)


def test_balanced_cross_entropy_counts_classes_rather_than_pixels():
    """With balance 1, and the background as heavy as any class: the mean over classes of the mean over their pixels."""
    torch.manual_seed(0)
    logits = torch.randn(2, 4, 6, 8)
    target = torch.zeros(2, 6, 8, dtype=torch.long)
    target[0, :2], target[1, 3, 2] = 1, 2  # 16 pixels, 1 pixel; class 3 is absent
    by_pixel = torch.nn.functional.cross_entropy(logits, target, reduction='none')
    expected = torch.stack([by_pixel[target == c].mean() for c in range(3)]).mean()
    torch.testing.assert_close(weighted_cross_entropy(logits, target, 1.0, balance=1.0), expected)
    torch.testing.assert_close(weighted_cross_entropy(logits, target, 1.0, balance=0.0), by_pixel.mean())
    ignored = torch.cat([target, torch.full_like(target, 255)])
    torch.testing.assert_close(weighted_cross_entropy(torch.cat([logits, logits]), ignored, 1.0, balance=1.0), expected)


def test_cross_entropy_weighs_the_background_by_hand():
    logits = torch.tensor([[0.0, 0.0], [math.log(3), 0.0]]).T.reshape(1, 2, 1, 2)  # p = (1/2, 1/2) and (3/4, 1/4)
    target = torch.tensor([[[1, 0]]])
    expected = (1 * math.log(2) + 0.2 * math.log(4 / 3)) / 1.2
    assert weighted_cross_entropy(logits, target, 0.2) == pytest.approx(expected)


def test_aligned_iou_equals_the_metric():
    torch.manual_seed(0)
    corners = torch.rand(2, 50, 2, 2).sort(dim=2).values
    a, b = corners.flatten(2)
    expected = [box_iou(x.numpy(), y.numpy()) for x, y in zip(a, b, strict=True)]
    torch.testing.assert_close(aligned_iou(a, b), torch.tensor(expected, dtype=a.dtype), atol=1e-4, rtol=1e-4)


def test_aligned_iou_of_every_box_with_every_other():
    torch.manual_seed(0)
    a, b = torch.rand(5, 2, 2).sort(dim=1).values.flatten(1), torch.rand(3, 2, 2).sort(dim=1).values.flatten(1)
    table = aligned_iou(a[:, None], b)
    assert table.shape == (5, 3)
    torch.testing.assert_close(table[4], aligned_iou(a[4].expand(3, 4), b))


def test_giou_by_hand():
    unit = torch.tensor([0.0, 0.0, 1.0, 1.0])
    others = torch.tensor([[0.0, 0, 1, 1], [0, 0, 0.5, 0.5], [2, 0, 3, 1], [0.5, 0.5, 1.5, 1.5]])
    # the same; within: IoU; apart, in a box of 3 with a gap of 1: 0 - 1/3; overlap 1/4 of 7/4, in a box of 9/4
    expected = torch.tensor([1, 1 / 4, -1 / 3, 1 / 7 - (9 / 4 - 7 / 4) / (9 / 4)])
    torch.testing.assert_close(aligned_giou(unit, others), expected)
    torch.testing.assert_close(aligned_giou(others, unit), expected)


def test_giou_equals_mmdets():
    losses = pytest.importorskip('mmdet.models.losses.iou_loss')
    torch.manual_seed(0)
    a, b = torch.rand(2, 50, 2, 2).sort(dim=2).values.flatten(2)
    torch.testing.assert_close(1 - aligned_giou(a, b), losses.giou_loss(a, b, reduction='none'), atol=1e-5, rtol=1e-5)


def test_quality_focal_loss_by_hand():
    logits = torch.tensor([0.0, 0.0, math.log(3)])  # p = 1/2, 1/2, 3/4
    targets = torch.tensor([1.0, 0.5, 0.25])
    last = 0.25 * math.log(4 / 3) + 0.75 * math.log(4)
    expected = torch.tensor([math.log(2) / 4, 0.0, last / 4])
    torch.testing.assert_close(quality_focal_loss(logits, targets, beta=2.0), expected)
    expected = torch.tensor([math.log(2) / 2, 0.0, last / 2])
    torch.testing.assert_close(quality_focal_loss(logits, targets, beta=1.0), expected)
