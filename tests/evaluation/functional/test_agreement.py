"""Agreement of numbers beside scikit-learn, SciPy and an analysis of variance."""

import numpy as np
import pytest
from scipy.stats import pearsonr
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from aurora_mm.evaluation.functional import agreement


def one(truth, pred):
    values = agreement(np.array(truth, float), np.array(pred, float), np.ones((1, len(truth))))
    return {name: float(value[0]) for name, value in values.items()}


def icc_by_anova(table):
    """ICC(2,1) of a table of subjects by raters, from sums of squares."""
    n, k = table.shape
    grand = table.mean()
    rows = k * ((table.mean(1) - grand) ** 2).sum() / (n - 1)
    columns = n * ((table.mean(0) - grand) ** 2).sum() / (k - 1)
    rest = ((table - table.mean(1, keepdims=True) - table.mean(0) + grand) ** 2).sum() / ((n - 1) * (k - 1))
    return (rows - rest) / (rows + (k - 1) * rest + k * (columns - rest) / n)


@pytest.mark.parametrize('offset', [0, 1e4])
def test_second_witnesses(offset):
    rng = np.random.default_rng(0)
    truth = rng.normal(30, 5, 40) + offset
    pred = 0.8 * (truth - offset) + 5 + rng.normal(0, 2, 40) + offset
    found = one(truth, pred)
    assert found['MAE'] == pytest.approx(mean_absolute_error(truth, pred))
    assert found['RMSE'] == pytest.approx(root_mean_squared_error(truth, pred))
    assert found['R2'] == pytest.approx(r2_score(truth, pred))
    assert found['Pearson'] == pytest.approx(pearsonr(truth, pred).statistic)
    assert found['ICC'] == pytest.approx(icc_by_anova(np.stack([truth, pred], 1)))
    differences = pred - truth
    spread = 1.96 * differences.std(ddof=1)
    limits = differences.mean() + np.array([0, -spread, spread])
    assert [found['bias'], found['LoA_low'], found['LoA_high']] == pytest.approx(limits)


def test_published_example_of_icc():
    """Raters 1 and 2 of the table of Shrout and Fleiss (1979), worked out by the sums of squares."""
    table = np.array([[9, 2], [6, 1], [8, 4], [7, 1], [10, 5], [6, 2]], float)
    assert one(*table.T)['ICC'] == pytest.approx(icc_by_anova(table))
    assert icc_by_anova(
        np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)
    ) == (pytest.approx(0.29, abs=0.005))


def test_a_weight_is_so_many_images():
    rng = np.random.default_rng(1)
    truth, pred = rng.normal(0, 3, (2, 7))
    weights = np.array([[2, 0, 1, 3, 0, 1, 1], [1] * 7], float)
    many = agreement(truth, pred, weights)
    repeated = np.repeat(np.arange(7), weights[0].astype(int))
    for name, value in one(truth[repeated], pred[repeated]).items():
        assert many[name][0] == pytest.approx(value), name


def test_what_is_not_defined():
    same = one([3, 3, 3], [3, 4, 5])
    assert np.isnan(same['R2'])
    assert np.isnan(same['Pearson'])
    single = one([3], [4])
    assert single['MAE'] == single['bias'] == 1
    assert np.isnan([single['ICC'], single['LoA_low']]).all()
    assert one([1, 2, 3], [1, 2, 3])['ICC'] == pytest.approx(1)
