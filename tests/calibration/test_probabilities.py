"""Temperature, Platt scaling and reliability."""

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression

from aurora_mm.calibration.platt_scaling import PlattScaling
from aurora_mm.calibration.reliability import Reliability
from aurora_mm.calibration.temperature import fit_temperature, temper


def drawn(rng, logits):
    """A class of each row, drawn with the probabilities of its logits."""
    return (softmax(logits, axis=1).cumsum(1) > rng.random((len(logits), 1))).argmax(1)


def test_tempered_probabilities_are_those_of_divided_logits():
    logits = np.random.default_rng(0).normal(size=(50, 4)) * 3
    np.testing.assert_allclose(temper(softmax(logits, axis=1), 2.5), softmax(logits / 2.5, axis=1), atol=1e-12)
    probs = np.array([1.0, 0.0, 0.0])
    assert temper(probs, 3.0).argmax() == 0 and np.isfinite(temper(probs, 3.0)).all()


@pytest.mark.parametrize('factor', [0.5, 1.0, 3.0])
def test_the_temperature_of_overconfident_logits_is_found(factor):
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(20_000, 3)) * 2
    truth = drawn(rng, logits)
    probs = softmax(logits * factor, axis=1)
    assert fit_temperature(probs, truth) == pytest.approx(factor, rel=0.05)
    after = temper(probs, fit_temperature(probs, truth))
    assert Reliability.of(after.max(1), after.argmax(1) == truth).ece < 0.01


def test_no_case_leaves_probabilities_as_they_are():
    assert fit_temperature(np.zeros((0, 2)), np.zeros(0, int)) == 1
    assert PlattScaling.fit(np.zeros(0), np.zeros(0, bool)) == (1, 0)
    assert Reliability.of(np.zeros(0), np.zeros(0, bool)).ece is None


def test_platt_scaling_is_the_logistic_regression_of_logits():
    rng = np.random.default_rng(2)
    z = rng.normal(size=4000) * 2
    correct = rng.random(4000) < expit(0.7 * z + 1.5)
    found = PlattScaling.fit(expit(z), correct)
    other = LogisticRegression(C=1e9).fit(z[:, None], correct)  # without Platt's targets, which hardly matter here
    assert found.slope == pytest.approx(other.coef_[0, 0], rel=0.01)
    assert found.shift == pytest.approx(other.intercept_[0], rel=0.01)
    np.testing.assert_allclose(PlattScaling()(expit(z)), expit(z), atol=1e-6)


def test_platt_scaling_never_reverses_the_order():
    scores = np.linspace(0.1, 0.9, 40)
    found = PlattScaling.fit(scores, scores < 0.5)
    assert found.slope >= 0
    assert (np.diff(found(scores)) >= 0).all()


def test_reliability_by_hand_and_as_sklearn_has_it():
    found = Reliability.of(np.array([0.95, 0.85, 0.81, 0.55]), np.array([True, True, False, False]))
    assert found.ece == pytest.approx((abs(0.95 - 1) + 2 * abs(0.83 - 0.5) + 0.55) / 4)
    assert found.cases == [1, 2, 1] and found.correct == [0, 0.5, 1]
    rng = np.random.default_rng(3)
    confidence = rng.random(500)
    correct = rng.random(500) < confidence**2
    share, mean = calibration_curve(correct, confidence, n_bins=10)
    found = Reliability.of(confidence, correct)
    np.testing.assert_allclose(found.correct, share)
    np.testing.assert_allclose(found.confidence, mean)
    assert found.chance < 0.05 < found.ece


def test_few_cases_have_an_error_by_chance_alone():
    rng = np.random.default_rng(4)
    errors, chances = [], []
    for _ in range(200):
        confidence = rng.uniform(0.5, 1, 30)
        found = Reliability.of(confidence, rng.random(30) < confidence)  # perfectly calibrated
        errors.append(found.ece)
        chances.append(found.chance)
    assert np.mean(errors) == pytest.approx(np.mean(chances), rel=0.1)
    assert np.mean(chances) > 0.1
