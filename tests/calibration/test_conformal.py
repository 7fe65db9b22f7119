import math

import numpy as np
import pytest

from aurora_mm.calibration.conformal import conformal_limit
from aurora_mm.errors import ConfigError


@pytest.mark.parametrize('coverage', [0.5, 0.8, 0.9])
@pytest.mark.parametrize('count', [9, 30, 99])
def test_new_scores_are_covered_as_often_as_asked(coverage, count):
    """Scores of one distribution are exchangeable: the limit of n of them covers the next with the asked probability,
    and at most 1 / (n + 1) more often."""
    rng = np.random.default_rng([count, int(100 * coverage)])
    draws = rng.lognormal(size=(20_000, count + 1))
    covered = np.mean([row[-1] <= conformal_limit(row[:-1], coverage) for row in draws])
    error = 4 * math.sqrt(0.25 / len(draws))
    assert coverage - error <= covered <= coverage + 1 / (count + 1) + error


def test_by_hand():
    scores = np.array([5.0, 1.0, 4.0, 2.0, 3.0, 9.0, 8.0, 7.0, 6.0])
    assert conformal_limit(scores, 0.9) == 9.0  # the 9th of 9: ceil(10 * 0.9)
    assert conformal_limit(scores, 0.5) == 5.0
    assert conformal_limit(scores[:8], 0.9) == math.inf  # 9 are needed
    assert conformal_limit(np.array([]), 0.9) == math.inf
    assert conformal_limit(np.array([1.0, math.inf, 2.0]), 0.5) == 2.0
    assert conformal_limit(np.array([1.0, math.inf, 2.0]), 0.7) == math.inf


@pytest.mark.parametrize('coverage', [0, 1, 90, -0.1, math.nan])
def test_no_coverage(coverage):
    with pytest.raises(ConfigError, match='between 0 and 1'):
        conformal_limit(np.arange(100.0), coverage)
