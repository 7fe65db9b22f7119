import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from aurora_mm.evaluation.functional import accuracy, auc, auc_of_present, f1_macro, f1_weighted, mcc


def two_class_scores(of_class_1):
    of_class_1 = np.array(of_class_1)
    return np.stack([1 - of_class_1, of_class_1], axis=1)


def test_auc_of_two_classes_is_the_share_of_ordered_pairs():
    # Pairs (positive, negative): .8 > .6, .8 > .1, .4 < .6, .4 > .1 -> 3 of 4.
    assert auc(np.array([1, 0, 1, 0]), two_class_scores([0.8, 0.6, 0.4, 0.1])) == 0.75


def test_auc_of_more_classes_is_sklearns_macro_one_vs_rest():
    rng = np.random.default_rng(0)
    truth = np.arange(60) % 4
    scores = rng.dirichlet(np.ones(4), 60)
    assert auc(truth, scores) == pytest.approx(roc_auc_score(truth, scores, multi_class='ovr', average='macro'))


def test_auc_counts_ties_half():
    assert auc(np.array([1, 0, 1, 0]), two_class_scores([0.5, 0.5, 0.5, 0.5])) == 0.5
    # Pairs: .8 > .4, .8 > .1, .4 = .4, .4 > .1 -> 3.5 of 4.
    assert auc(np.array([1, 1, 0, 0]), two_class_scores([0.8, 0.4, 0.4, 0.1])) == 0.875


ABSENT_CLASS = (
    np.array([0, 0, 1, 1]),
    np.array([[0.7, 0.2, 0.1], [0.4, 0.5, 0.1], [0.5, 0.3, 0.2], [0.1, 0.8, 0.1]]),
)


def test_auc_is_0_where_scikit_learn_refuses_as_the_official_scorer_has_it():
    truth, scores = ABSENT_CLASS
    with pytest.raises(ValueError, match='Number of classes'):
        roc_auc_score(truth, scores, multi_class='ovr', average='macro')
    assert auc(truth, scores) == 0
    truth = np.array([0, 2, 1, 1])
    assert auc(truth, scores) > 0
    with pytest.raises(ValueError, match='sum up to 1'):
        roc_auc_score(truth, scores * 1.01, multi_class='ovr', average='macro')
    assert auc(truth, scores * 1.01) == 0
    assert auc(np.array([1, 1]), two_class_scores([0.8, 0.6])) == 0


def test_auc_of_the_classes_that_are_there():
    # Class 0: .7, .4 against .5, .1 -> 3 of 4. Class 1: .3, .8 against .2, .5 -> 3 of 4. Class 2: not defined.
    assert auc_of_present(*ABSENT_CLASS) == 0.75
    assert math.isnan(auc_of_present(np.array([1, 1]), two_class_scores([0.8, 0.6])))


def test_auc_of_the_classes_that_are_there_is_auc_where_all_are():
    rng = np.random.default_rng(1)
    for classes in (2, 5):
        truth, scores = np.arange(40) % classes, rng.dirichlet(np.ones(classes), 40)
        assert auc_of_present(truth, scores) == pytest.approx(auc(truth, scores), abs=1e-12)


@pytest.mark.parametrize('shape', [(2,), (3, 2), (2, 1)])
@pytest.mark.parametrize('function', [auc, auc_of_present])
def test_auc_refuses_scores_of_another_shape(function, shape):
    with pytest.raises(ValueError, match='two or more classes'):
        function(np.array([0, 1]), np.zeros(shape))


def test_scores_of_labels_hand_worked():
    truth, pred = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])
    # Class 0: precision 1, recall 2/3 -> F1 4/5. Class 1: precision 1/2, recall 1 -> F1 2/3.
    assert accuracy(truth, pred) == 0.75
    assert f1_macro(truth, pred) == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert f1_weighted(truth, pred) == pytest.approx((3 * 4 / 5 + 2 / 3) / 4)
    # tp 1, tn 2, fp 1, fn 0
    assert mcc(truth, pred) == pytest.approx((1 * 2 - 1 * 0) / math.sqrt(2 * 1 * 3 * 2))


def test_f1_macro_counts_a_class_that_only_the_prediction_has_and_no_class_that_neither_has():
    assert f1_macro(np.array([0, 0]), np.array([0, 2])) == pytest.approx((2 / 3 + 0) / 2)


def test_mcc_is_0_for_a_constant_answer():
    assert mcc(np.array([0, 1, 1]), np.array([1, 1, 1])) == 0
    assert mcc(np.array([1, 1, 1]), np.array([1, 1, 1])) == 0
