import numpy as np
import pytest

from aurora_mm.evaluation.functional import weighted_mean, weighted_mean_of_known


@pytest.mark.parametrize('shape', [(12,), (12, 3)])
def test_is_the_mean_of_repeated_values(shape):
    rng = np.random.default_rng(0)
    values = rng.random(shape)
    weights = rng.multinomial(12, np.full(12, 1 / 12), size=5).astype(float)
    weights[0] *= 2  # resampled groups hold more or fewer images than there are
    expected = [np.repeat(values, row.astype(int), axis=0).mean(axis=0) for row in weights]
    np.testing.assert_allclose(weighted_mean(values, weights), expected)


@pytest.mark.parametrize('shape', [(12,), (12, 3)])
def test_values_that_are_not_known_are_left_out(shape):
    rng = np.random.default_rng(1)
    values = np.where(rng.random(shape) < 0.5, np.nan, rng.random(shape))
    weights = rng.multinomial(12, np.full(12, 1 / 12), size=5).astype(float)
    expected = [np.nanmean(np.repeat(values, row.astype(int), axis=0), axis=0) for row in weights]
    np.testing.assert_allclose(weighted_mean_of_known(values, weights), expected)
    assert np.isnan(weighted_mean_of_known(np.full(shape, np.nan), weights)).all()
    known = rng.random(shape)
    np.testing.assert_array_equal(weighted_mean_of_known(known, weights), weighted_mean(known, weights))
