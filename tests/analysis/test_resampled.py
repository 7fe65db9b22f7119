import numpy as np
import pytest
from sklearn import metrics

from aurora_mm.analysis.resampled import label_scores, resampled_auc, weighted_mean


def resamples(rng, number, images):
    return rng.multinomial(images, np.full(images, 1 / images), size=number).astype(float)


def repeated(values, weights):
    return np.repeat(values, weights.astype(int), axis=0)


def test_weighted_mean_is_the_mean_of_repeated_values():
    rng = np.random.default_rng(0)
    values, weights = rng.random(12), resamples(rng, 5, 12)
    weights[0] *= 2  # resampled groups hold more or fewer images than there are
    expected = [repeated(values, row).mean() for row in weights]
    np.testing.assert_allclose(weighted_mean(values, weights), expected)


@pytest.mark.parametrize('classes', [2, 3, 8])
def test_label_scores_agree_with_scikit_learn_on_repeated_images(classes):
    rng = np.random.default_rng(classes)
    truth = rng.integers(classes, size=25)
    pred = np.where(rng.random(25) < 0.5, truth, rng.integers(classes, size=25))
    weights = resamples(rng, 40, 25)
    weights[0] = 0
    weights[0, 3] = 7  # one image alone
    found = label_scores(truth, pred, weights)
    for index, row in enumerate(weights):
        true, guess = repeated(truth, row), repeated(pred, row)
        expected = {
            'Accuracy': metrics.accuracy_score(true, guess),
            'F1_macro': metrics.f1_score(true, guess, average='macro', zero_division=0),
            'F1_weighted': metrics.f1_score(true, guess, average='weighted', zero_division=0),
            'MCC': metrics.matthews_corrcoef(true, guess) if len(set(true) | set(guess)) > 1 else 0,
        }
        assert {key: value[index] for key, value in found.items()} == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize('classes', [2, 4])
def test_auc_agrees_with_scikit_learn_on_repeated_images(classes):
    rng = np.random.default_rng(classes)
    truth = np.arange(30) % classes
    scores = rng.dirichlet(np.ones(classes), 30).round(1)  # rounded: many ties
    scores[:, 0] += 1 - scores.sum(axis=1)
    weights = resamples(rng, 40, 30)
    found = resampled_auc(truth, scores, weights)
    for index, row in enumerate(weights):
        true, answers = repeated(truth, row), repeated(scores, row)
        options = dict(multi_class='ovr', average='macro') if classes > 2 else {}
        expected = metrics.roc_auc_score(true, answers if classes > 2 else answers[:, 1], **options)
        assert found[index] == pytest.approx(expected, abs=1e-12)


def test_auc_of_a_resample_that_lacks_a_class_is_nan():
    truth, scores = np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    found = resampled_auc(truth, scores, np.array([[1.0, 1, 1], [0, 1, 2], [3, 0, 0]]))
    np.testing.assert_array_equal(found, [1, np.nan, np.nan])
