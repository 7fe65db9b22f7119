import math

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from aurora_mm.calibration.feature_distance import FeatureDistance, pool
from aurora_mm.errors import ConfigError


def features(seed, count=200, shift=0.0):
    rng = np.random.default_rng(seed)
    spread = np.linspace(3, 0.1, 30)
    return rng.normal(size=(count, 30)) * spread + shift


@pytest.fixture
def distance():
    return FeatureDistance.fit(features(0), features(1), 0.95)


def test_it_is_the_likelihood_of_probabilistic_pca(distance):
    """The log-likelihood of sklearn's PCA is a constant minus half of the squared distance."""
    pca = PCA(200 // 8, svd_solver='full').fit(features(0))
    new = features(2)
    difference = pca.score_samples(new) + 0.5 * 30 * distance(new)
    np.testing.assert_allclose(difference, difference[0], rtol=1e-6)


def test_the_limit_keeps_images_of_the_same_kind(distance):
    assert (distance(features(3, 4000)) <= distance.limit).mean() == pytest.approx(0.95, abs=0.03)
    assert (distance(features(3, 4000, shift=1.0)) <= distance.limit).mean() < 0.1


def test_plain_values_are_the_same_distance(distance):
    again = FeatureDistance.from_plain(distance.plain())
    np.testing.assert_allclose(again(features(4)), distance(features(4)), rtol=1e-5)


@pytest.mark.parametrize(
    'change',
    [
        dict(mean=[0.0]),
        dict(variances=[]),
        dict(directions=[[1.0]]),
        dict(rest=0.0),
        dict(limit=-1.0),
        dict(variances=['x']),
        dict(mean=[math.nan] * 30),
    ],
)
def test_values_that_do_not_fit_are_refused(distance, change):
    with pytest.raises(ValueError):
        FeatureDistance.from_plain(distance.plain() | change)


def test_too_few_images():
    with pytest.raises(ConfigError, match='16 training images'):
        FeatureDistance.fit(features(0, 10), features(1), 0.95)
    with pytest.raises(ConfigError, match='too few for a limit'):
        FeatureDistance.fit(features(0), features(1, 10), 0.95)


def test_features_are_the_means_of_all_maps():
    maps = [torch.arange(8.0).reshape(1, 2, 2, 2), torch.full((1, 1, 3, 3), 5.0)]
    np.testing.assert_allclose(pool(maps), [[1.5, 5.5, 5.0]])
