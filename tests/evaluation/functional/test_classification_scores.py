import math

import numpy as np
import pytest
from sklearn import metrics

from aurora_mm.evaluation.functional import accuracy, auc_of_classes, count_classes, f1_macro, f1_weighted, mcc


def resamples(rng, number, images):
    return rng.multinomial(images, np.full(images, 1 / images), size=number).astype(float)


def repeated(values, weights):
    return np.repeat(values, weights.astype(int), axis=0)


def two_class_scores(of_class_1):
    of_class_1 = np.array(of_class_1)
    return np.stack([1 - of_class_1, of_class_1], axis=1)


def test_auc_of_two_classes_is_the_share_of_ordered_pairs():
    # Pairs (positive, negative): .8 > .6, .8 > .1, .4 < .6, .4 > .1 -> 3 of 4.
    assert auc_of_classes(np.array([1, 0, 1, 0]), two_class_scores([0.8, 0.6, 0.4, 0.1])).tolist() == [[0.75]]


def test_auc_counts_ties_half():
    assert auc_of_classes(np.array([1, 0, 1, 0]), two_class_scores([0.5, 0.5, 0.5, 0.5])) == 0.5
    # Pairs: .8 > .4, .8 > .1, .4 = .4, .4 > .1 -> 3.5 of 4.
    assert auc_of_classes(np.array([1, 1, 0, 0]), two_class_scores([0.8, 0.4, 0.4, 0.1])) == 0.875


def test_auc_is_not_defined_for_a_class_that_is_absent_or_alone():
    truth = np.array([0, 0, 1, 1])
    scores = np.array([[0.7, 0.2, 0.1], [0.4, 0.5, 0.1], [0.5, 0.3, 0.2], [0.1, 0.8, 0.1]])
    # Class 0: .7, .4 against .5, .1 -> 3 of 4. Class 1: .3, .8 against .2, .5 -> 3 of 4. Class 2: not defined.
    np.testing.assert_array_equal(auc_of_classes(truth, scores), [[0.75, 0.75, np.nan]])
    np.testing.assert_array_equal(auc_of_classes(np.array([1, 1]), two_class_scores([0.8, 0.6])), [[np.nan]])


@pytest.mark.parametrize('classes', [2, 4])
def test_auc_agrees_with_scikit_learn_on_repeated_images(classes):
    rng = np.random.default_rng(classes)
    truth = np.arange(30) % classes
    scores = rng.dirichlet(np.ones(classes), 30).round(1)  # rounded: many ties
    scores[:, 0] += 1 - scores.sum(axis=1)
    weights = resamples(rng, 40, 30)
    found = auc_of_classes(truth, scores, weights).mean(axis=1)
    for index, row in enumerate(weights):
        true, answers = repeated(truth, row), repeated(scores, row)
        options = dict(multi_class='ovr', average='macro') if classes > 2 else {}
        expected = metrics.roc_auc_score(true, answers if classes > 2 else answers[:, 1], **options)
        assert found[index] == pytest.approx(expected, abs=1e-12)


def test_auc_of_a_resample_that_lacks_a_class_is_nan():
    truth, scores = np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    found = auc_of_classes(truth, scores, np.array([[1.0, 1, 1], [0, 1, 2], [3, 0, 0]]))
    np.testing.assert_array_equal(found, [[1], [np.nan], [np.nan]])


@pytest.mark.parametrize('shape', [(2,), (3, 2), (2, 1)])
def test_auc_refuses_scores_of_another_shape(shape):
    with pytest.raises(ValueError, match='two or more classes'):
        auc_of_classes(np.array([0, 1]), np.zeros(shape))


def test_scores_of_labels_hand_worked():
    counts = count_classes(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]))
    assert [part.tolist() for part in counts] == [[[2, 1]], [[3, 1]], [[2, 2]]]
    # Class 0: precision 1, recall 2/3 -> F1 4/5. Class 1: precision 1/2, recall 1 -> F1 2/3.
    assert accuracy(counts) == 0.75
    assert f1_macro(counts) == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert f1_weighted(counts) == pytest.approx((3 * 4 / 5 + 2 / 3) / 4)
    # tp 1, tn 2, fp 1, fn 0
    assert mcc(counts) == pytest.approx((1 * 2 - 1 * 0) / math.sqrt(2 * 1 * 3 * 2))


def test_f1_macro_counts_a_class_that_only_the_prediction_has_and_no_class_that_neither_has():
    assert f1_macro(count_classes(np.array([0, 0]), np.array([0, 2]))) == pytest.approx((2 / 3 + 0) / 2)


def test_mcc_is_0_for_a_constant_answer():
    assert mcc(count_classes(np.array([0, 1, 1]), np.array([1, 1, 1]))) == 0
    assert mcc(count_classes(np.array([1, 1, 1]), np.array([1, 1, 1]))) == 0


@pytest.mark.parametrize('classes', [2, 3, 8])
def test_label_scores_agree_with_scikit_learn_on_repeated_images(classes):
    rng = np.random.default_rng(classes)
    truth = rng.integers(classes, size=25)
    pred = np.where(rng.random(25) < 0.5, truth, rng.integers(classes, size=25))
    pred[0] = 99  # no class of the task, as a faulty submission may have
    weights = resamples(rng, 40, 25)
    weights[0] = 0
    weights[0, 3] = 7  # one image alone
    counts = count_classes(truth, pred, weights)
    found = [function(counts) for function in (accuracy, f1_macro, f1_weighted, mcc)]
    for index, row in enumerate(weights):
        true, guess = repeated(truth, row), repeated(pred, row)
        expected = [
            metrics.accuracy_score(true, guess),
            metrics.f1_score(true, guess, average='macro', zero_division=0),
            metrics.f1_score(true, guess, average='weighted', zero_division=0),
            metrics.matthews_corrcoef(true, guess) if len(set(true) | set(guess)) > 1 else 0,
        ]
        assert [values[index] for values in found] == pytest.approx(expected, abs=1e-12)


def test_many_classes_need_no_table_of_pairs():
    """A table of all pairs of 30,000 classes would hold 9e8 numbers for each resample."""
    classes = np.arange(30_000)
    assert accuracy(count_classes(classes, classes, np.ones((3, len(classes))))).tolist() == [1, 1, 1]
