"""Each loss of ours against values by hand."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from aurora_mm.models.losses import (
    BalancedBinaryCrossEntropyLoss,
    BalancedCrossEntropyLoss,
    ForegroundDiceLoss,
    GIoULoss,
    LinearIoULoss,
    QualityFocalLoss,
)


class TestForegroundDice:
    def test_a_perfect_and_an_opposite_map(self):
        target = torch.zeros(1, 4, 4, dtype=torch.long)
        target[0, :2] = 1
        sure = torch.stack([target == 0, target == 1], dim=1).float() * 40
        loss = ForegroundDiceLoss()
        assert loss(sure, target) == pytest.approx(0, abs=1e-6)
        # No overlap, 8 pixels each: 1 - (0 + 1) / (8 + 8 + 1).
        assert loss(sure.flip(1), target) == pytest.approx(1 - 1 / 17, abs=1e-6)
        assert ForegroundDiceLoss(smooth=2.0)(sure.flip(1), target) == pytest.approx(1 - 2 / 18, abs=1e-6)
        assert ForegroundDiceLoss(loss_weight=3.0)(sure.flip(1), target) == pytest.approx(3 * 16 / 17, abs=1e-6)

    def test_an_absent_class_costs_nothing(self):
        logits = torch.zeros(2, 3, 4, 4)
        logits[:, 0] = 40
        assert ForegroundDiceLoss()(logits, torch.zeros(2, 4, 4, dtype=torch.long)) == pytest.approx(0, abs=1e-6)

    def test_the_mean_over_images_and_foreground_classes(self):
        rng = np.random.default_rng(0)
        logits, target = rng.normal(size=(2, 3, 4, 5)), rng.integers(0, 3, (2, 4, 5))
        probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        dice = [
            (2 * probs[i, c][target[i] == c].sum() + 1) / (probs[i, c].sum() + (target[i] == c).sum() + 1)
            for i in range(2)
            for c in (1, 2)
        ]
        value = ForegroundDiceLoss()(torch.tensor(logits), torch.tensor(target))
        assert value.item() == pytest.approx(1 - np.mean(dice))

    def test_weights_of_pixels(self):
        torch.manual_seed(0)
        logits, target = torch.randn(1, 3, 6, 8), torch.randint(0, 3, (1, 6, 8))
        left = torch.zeros(1, 6, 8)
        left[:, :, :5] = 1
        cut = ForegroundDiceLoss()(logits[..., :5], target[..., :5])
        torch.testing.assert_close(ForegroundDiceLoss()(logits, target, weight=left), cut)


@pytest.mark.parametrize(
    'loss', [ForegroundDiceLoss(), BalancedCrossEntropyLoss(background_weight=0.2, class_balance=0.5)]
)
def test_ignored_pixels_do_not_count(loss):
    """The losses of a padded map are those of the map within."""
    torch.manual_seed(0)
    target = torch.randint(0, 3, (2, 6, 8))
    padded = torch.full((2, 10, 8), 255)
    padded[:, :6] = target
    logits = torch.randn(2, 3, 10, 8)
    torch.testing.assert_close(loss(logits, padded), loss(logits[:, :, :6], target))
    other = padded.where(padded != 255, 7)
    torch.testing.assert_close(loss(logits, other, ignore_index=7), loss(logits, padded))


class TestBalancedCrossEntropy:
    def test_the_background_weighs_by_hand(self):
        logits = torch.tensor([[0.0, 0.0], [math.log(3), 0.0]]).T.reshape(1, 2, 1, 2)  # p = (1/2, 1/2) and (3/4, 1/4)
        target = torch.tensor([[[1, 0]]])
        expected = (1 * math.log(2) + 0.2 * math.log(4 / 3)) / 1.2
        assert BalancedCrossEntropyLoss(background_weight=0.2)(logits, target) == pytest.approx(expected)
        twice = BalancedCrossEntropyLoss(background_weight=0.2, loss_weight=2.0)
        assert twice(logits, target) == pytest.approx(2 * expected)

    def test_it_counts_classes_rather_than_pixels(self):
        """With balance 1, and the background as heavy as any: the mean over classes of the mean over their pixels."""
        torch.manual_seed(0)
        logits = torch.randn(2, 4, 6, 8)
        target = torch.zeros(2, 6, 8, dtype=torch.long)
        target[0, :2], target[0, 3, 2], target[1, 5] = 1, 2, 3  # class by class, each image has others
        by_pixel = F.cross_entropy(logits, target, reduction='none')
        expected = [
            torch.stack([entropy[classes == c].mean() for c in classes.unique()]).mean()
            for entropy, classes in zip(by_pixel, target, strict=True)
        ]
        balanced = BalancedCrossEntropyLoss(class_balance=1.0)
        torch.testing.assert_close(balanced.image_losses(logits, target), torch.stack(expected))
        torch.testing.assert_close(balanced(logits, target), torch.stack(expected).mean())
        torch.testing.assert_close(BalancedCrossEntropyLoss()(logits, target), by_pixel.mean())

    def test_half_a_balance_by_hand(self):
        """Three pixels of class 0 and one of class 1: weights of (3/4)^-1/2 and (1/4)^-1/2."""
        logits = torch.tensor([[0.0, 1.0, -1.0, 0.5], [0.3, 0.0, 0.2, 0.0]]).reshape(1, 2, 1, 4)
        target = torch.tensor([[[0, 0, 0, 1]]])
        entropy = -np.log(np.exp([0, 1, -1, 0]) / np.exp(logits[0, :, 0].double().numpy()).sum(0))
        weights = np.array([0.75, 0.75, 0.75, 0.25]) ** -0.5
        value = BalancedCrossEntropyLoss(class_balance=0.5)(logits, target)
        assert value.item() == pytest.approx((weights * entropy).sum() / weights.sum())

    def test_smoothed_labels_by_hand(self):
        logits = torch.tensor([[math.log(6), math.log(3), 0.0]])  # p = 0.6, 0.3, 0.1
        value = BalancedCrossEntropyLoss(label_smoothing=0.3)(logits, torch.tensor([0]))
        # The target is 0.7 of class 0 and 0.1 of each class.
        assert value.item() == pytest.approx(-0.8 * math.log(0.6) - 0.1 * math.log(0.3) - 0.1 * math.log(0.1))

    @pytest.mark.parametrize('settings', [{}, dict(background_weight=0.2, label_smoothing=0.2)])
    def test_it_equals_torchs_image_by_image(self, settings):
        torch.manual_seed(0)
        logits, target = torch.randn(2, 3, 6, 8), torch.randint(0, 3, (2, 6, 8))
        target[0, :5] = 0
        weight = torch.tensor([settings.get('background_weight', 1.0), 1, 1])
        smoothing = settings.get('label_smoothing', 0.0)
        expected = torch.stack(
            [
                F.cross_entropy(logits[i : i + 1], target[i : i + 1], weight=weight, label_smoothing=smoothing)
                for i in range(2)
            ]
        )
        loss = BalancedCrossEntropyLoss(**settings)
        torch.testing.assert_close(loss.image_losses(logits, target), expected)
        torch.testing.assert_close(loss(logits, target), expected.mean())

    def test_classes_of_images_keep_their_weights(self):
        logits, target = torch.zeros(2, 4), torch.tensor([0, 3])
        values = BalancedCrossEntropyLoss(background_weight=0.25, loss_weight=2.0).image_losses(logits, target)
        assert values.tolist() == pytest.approx([0.5 * math.log(4), 2 * math.log(4)])

    def test_weights_of_pixels(self):
        torch.manual_seed(0)
        logits, target = torch.randn(1, 3, 6, 8), torch.randint(0, 3, (1, 6, 8))
        left = torch.zeros(1, 6, 8)
        left[:, :, :5] = 1
        loss = BalancedCrossEntropyLoss(background_weight=0.2, class_balance=0.5)
        torch.testing.assert_close(loss(logits, target, weight=left), loss(logits[..., :5], target[..., :5]))

    def test_nothing_that_counts_is_0_with_a_gradient_of_0(self):
        logits = torch.randn(1, 3, 2, 2, requires_grad=True)
        loss = BalancedCrossEntropyLoss(class_balance=0.5)(logits, torch.full((1, 2, 2), 255))
        loss.backward()
        assert loss == 0
        assert logits.grad.eq(0).all()


class TestBalancedBinaryCrossEntropy:
    """Logits of 0, where each cell costs log 2 times its weight."""

    @pytest.mark.parametrize(
        ('positives', 'weight'),
        [(1, 50), (4, 24), (50, 1), (80, 1), (0, 1)],
        ids=['at most 50', 'negatives / positives', 'as many', 'at least 1', 'none'],
    )
    def test_the_weight_of_a_positive_cell(self, positives, weight):
        target = torch.zeros(1, 1, 10, 10)
        target.view(-1)[:positives] = 1
        expected = math.log(2) * (positives * weight + 100 - positives) / 100
        assert BalancedBinaryCrossEntropyLoss()(torch.zeros_like(target), target).item() == pytest.approx(expected)

    def test_each_image_has_a_weight_of_its_own(self):
        target = torch.zeros(2, 1, 10, 10)
        target[0, 0, :5], target[1, 0, 0, 0] = 1, 1
        values = BalancedBinaryCrossEntropyLoss()(torch.zeros_like(target), target, reduction_override='none')
        assert values.shape == target.shape
        expected = [math.log(2), math.log(2) * (50 + 99) / 100]
        assert values.mean((1, 2, 3)).tolist() == pytest.approx(expected)

    def test_values_and_settings_by_hand(self):
        target = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
        logits = torch.tensor([[math.log(3), -math.log(3), 0.0, math.log(3)]])  # p = 3/4, 1/4, 1/2, 3/4
        loss = BalancedBinaryCrossEntropyLoss(max_pos_weight=2.0, loss_weight=10.0)
        values = loss(logits, target, reduction_override='none')[0].tolist()
        expected = [20 * math.log(4 / 3), 10 * math.log(4 / 3), 10 * math.log(2), 10 * math.log(4)]
        assert values == pytest.approx(expected)
        assert loss(logits, target, reduction_override='sum').item() == pytest.approx(sum(expected))
        with pytest.raises(ValueError, match="'all' is none of"):
            loss(logits, target, reduction_override='all')


class TestQualityFocal:
    def test_by_hand(self):
        logits = torch.tensor([[0.0], [0.0], [math.log(3)]])  # p = 1/2, 1/2, 3/4
        targets = torch.tensor([[1.0], [0.5], [0.25]])
        last = 0.25 * math.log(4 / 3) + 0.75 * math.log(4)
        values = QualityFocalLoss()(logits, targets, reduction_override='none')
        torch.testing.assert_close(values, torch.tensor([math.log(2) / 4, 0.0, last / 4]))
        values = QualityFocalLoss(beta=1.0, loss_weight=2.0)(logits, targets, reduction_override='none')
        torch.testing.assert_close(values, torch.tensor([math.log(2), 0.0, last]))

    def test_it_equals_mmdets(self):
        losses = pytest.importorskip('mmdet.models.losses')
        torch.manual_seed(0)
        logits, targets = torch.randn(4, 3, 5, 6), torch.rand(4, 3, 5, 6)
        targets[targets < 0.5] = 0
        for beta in (1.0, 2.0):
            ours = QualityFocalLoss(beta)(logits, targets, reduction_override='none')
            theirs = losses.QualityFocalLoss(beta=beta)(logits, targets, reduction_override='none')
            torch.testing.assert_close(ours, theirs)


class TestOverlap:
    UNIT = torch.tensor([0.0, 0.0, 1.0, 1.0])
    # the same; within; apart; a quarter of each
    OTHERS = torch.tensor([[0.0, 0, 1, 1], [0, 0, 0.5, 0.5], [2, 0, 3, 1], [0.5, 0.5, 1.5, 1.5]])

    def test_iou_by_hand(self):
        values = LinearIoULoss(loss_weight=2.0)(self.UNIT, self.OTHERS, reduction_override='none')
        torch.testing.assert_close(values, 2 * (1 - torch.tensor([1, 1 / 4, 0, 1 / 7])))

    def test_giou_by_hand(self):
        # Apart: in a box of 3 with a gap of 1. Quarter: 1/4 of 7/4, in a box of 9/4.
        expected = 1 - torch.tensor([1, 1 / 4, -1 / 3, 1 / 7 - (9 / 4 - 7 / 4) / (9 / 4)])
        for pair in ((self.UNIT, self.OTHERS), (self.OTHERS, self.UNIT)):
            torch.testing.assert_close(GIoULoss()(*pair, reduction_override='none'), expected)
        torch.testing.assert_close(GIoULoss(loss_weight=3.0)(self.UNIT, self.OTHERS), 3 * expected.mean())

    def test_they_equal_mmdets(self):
        losses = pytest.importorskip('mmdet.models.losses')
        torch.manual_seed(0)
        pair = torch.rand(2, 50, 2, 2).sort(dim=2).values.flatten(2)
        for ours, theirs in ((LinearIoULoss(), losses.IoULoss(mode='linear')), (GIoULoss(), losses.GIoULoss())):
            a, b = (loss(*pair, reduction_override='none') for loss in (ours, theirs))
            torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)
