"""Points that are not labelled train nothing; the others train as if there were no further ones."""

import pytest
import torch

from aurora_mm.models.heads import HeatmapLandmarkHead, LandmarkHead
from tests.models.conftest import POINTS, make_sample, mean_losses

HEADS = pytest.mark.parametrize('kind', [LandmarkHead, HeatmapLandmarkHead])


def head_of(kind):
    torch.manual_seed(0)
    return kind([POINTS], [16] * 4).eval()


def sample_of(*points):
    sample = make_sample(POINTS)
    sample.gt_landmarks = torch.tensor(points)
    return sample


MISSING = (float('nan'), float('nan'))


@HEADS
def test_losses_are_the_mean_over_the_labelled_points(kind, feats):
    head, feats = head_of(kind), [feat[:1] for feat in feats]
    both = mean_losses(head, feats, [sample_of((10.0, 20.0), (40.0, 50.0))], POINTS)
    left = mean_losses(head, feats, [sample_of((10.0, 20.0), MISSING)], POINTS)
    right = mean_losses(head, feats, [sample_of(MISSING, (40.0, 50.0))], POINTS)
    for name, value in both.items():
        torch.testing.assert_close((left[name] + right[name]) / 2, value)
        assert left[name] != right[name]


@HEADS
def test_an_unlabelled_point_has_no_gradient(kind, feats):
    head, feats = head_of(kind), [feat[:2] for feat in feats]
    samples = [sample_of((10.0, 20.0), MISSING), sample_of((30.0, 5.0), MISSING)]
    sum(mean_losses(head, feats, samples, POINTS).values()).backward()
    gradient = next(p.grad for name, p in head.named_parameters() if name.startswith('outputs') and p.ndim > 1)
    of_point = gradient.flatten(1).unflatten(0, (2, -1))  # (K, rows of a point, channels)
    assert of_point[0].abs().sum() > 0
    assert of_point[1].abs().sum() == 0
    assert all(p.grad.isfinite().all() for p in head.parameters() if p.grad is not None)


@HEADS
def test_an_image_without_a_labelled_point_costs_nothing(kind, feats):
    head, feats = head_of(kind), [feat[:1] for feat in feats]
    losses = mean_losses(head, feats, [sample_of(MISSING, MISSING)], POINTS)
    assert all(value == 0 for value in losses.values())
