import math

import numpy as np
import pytest

from aurora_mm.datasets.samplers import LossAwarePolicy, ScoreGapPolicy, SizePolicy, TaskProgress
from aurora_mm.errors import ConfigError
from aurora_mm.registry import DATA_SAMPLERS

BIG = TaskProgress('big', 'classification', 90)
SMALL = TaskProgress('small', 'landmark', 10)


def after(task, **changes):
    return TaskProgress(**(task.__dict__ | changes))


@pytest.mark.parametrize(
    ('arguments', 'big'),
    [
        (dict(power='uniform'), 0.5),
        (dict(power='proportional'), 0.9),
        (dict(power='sqrt'), 0.75),  # sqrt(90) : sqrt(10) = 3 : 1
        (dict(power=2), 81 / 82),
        (dict(temperature=2), 0.75),
    ],
)
def test_by_size(arguments, big):
    policy = DATA_SAMPLERS.build(dict(type='aurora_mm.SizePolicy', **arguments))
    assert policy.probabilities([BIG, SMALL]) == pytest.approx([big, 1 - big])


def test_by_size_refuses_what_it_cannot_read():
    for arguments in ({}, dict(power=1, temperature=1), dict(power='cube'), dict(temperature=0)):
        with pytest.raises(ConfigError, match='SizePolicy'):
            SizePolicy(**arguments)


def test_the_published_formula_by_hand():
    big, small = (math.sqrt(90) + 1) ** (1 / 0.7), (math.sqrt(10) + 1) ** (1 / 0.7)
    assert LossAwarePolicy().probabilities([BIG, SMALL])[0] == pytest.approx(big / (big + small))
    big, small = (math.sqrt(90) * 0.5 + 1) ** (1 / 0.7), (math.sqrt(10) * 0.01 * 300 + 1) ** (1 / 0.7)
    tasks = [after(BIG, loss=0.5), after(SMALL, loss=0.01)]
    assert LossAwarePolicy().probabilities(tasks)[0] == pytest.approx(big / (big + small))


def test_enormous_losses_do_not_overflow_and_a_loss_of_zero_is_no_error():
    tasks = [after(BIG, loss=1e300), after(SMALL, loss=0.0)]
    assert LossAwarePolicy().probabilities(tasks)[0] == pytest.approx(1)
    assert LossAwarePolicy(offset=0.0).probabilities(tasks).tolist() == [1, 0]


def test_what_is_no_probability_names_the_task():
    with (
        np.errstate(invalid='ignore'),
        pytest.raises(ConfigError, match=r"LossAwarePolicy gives no probabilities: .*name='big'.*loss=-1.* -> nan"),
    ):
        LossAwarePolicy(loss_power=0.5).probabilities([after(BIG, loss=-1.0), SMALL])


def test_score_gap_by_hand():
    tasks = [
        TaskProgress('a', 'classification', 16, score=0.9),
        TaskProgress('b', 'classification', 81, score=0.5),
        TaskProgress('c', 'landmark', 16, score=0.9),
        TaskProgress('d', 'detection', 16),
    ]
    # Share of the score (two classification tasks) x gap x fourth root of the images.
    weights = np.array([0.5 * 0.1 * 2, 0.5 * 0.5 * 3, 1 * 0.1 * 2, 1 * 1 * 2])
    expected = 0.9 * weights / weights.sum() + 0.1 / 4
    assert ScoreGapPolicy().probabilities(tasks) == pytest.approx(expected)


def test_score_gap_is_the_best_allocation_under_its_own_learning_curve():
    """Brute force over allocations of 3 tasks whose gaps fall as A k^-1/2, as the policy's docstring assumes."""
    steps, alpha = 600, 0.5
    start = np.array([1.0, 4.0, 9.0])
    share = np.array([0.5, 0.5, 1.0])
    grid = np.arange(10, steps, 2)
    a, b = (axis.ravel() for axis in np.meshgrid(grid, grid))
    k = np.stack([a, b, steps - a - b], axis=1)[a + b < steps - 10]
    best = k[(share * start * k ** (-alpha)).sum(1).argmin()]
    types = ['x', 'x', 'y']
    tasks = [
        TaskProgress(str(i), types[i], 1, score=1 - gap) for i, gap in enumerate((start * best ** (-alpha)).tolist())
    ]
    p = ScoreGapPolicy(floor=0.0).probabilities(tasks)
    assert p == pytest.approx(best / steps, abs=0.01)


def test_mastered_tasks_stay_alive():
    tasks = [after(BIG, score=1.0), after(SMALL, score=1.0)]
    assert ScoreGapPolicy().probabilities(tasks).min() > 0.04


@pytest.mark.parametrize(
    ('options', 'ratio'),
    [
        (dict(size_power=1.0, offset=0.0, temperature=1.0), 400 * 0.5 / (100 * 2.0)),
        (dict(size_power=0.0, loss_power=2.0, offset=0.0, temperature=1.0), 0.5**2 / 2.0**2),
        (dict(size_power=0.0, loss_power=1.0, offset=3.0, temperature=1.0), 3.5 / 5.0),
        (dict(size_power=0.0, loss_power=1.0, offset=0.0, temperature=0.5), (0.5 / 2.0) ** 2),
        (dict(size_power=0.0, offset=0.0, temperature=1.0, scales=dict(detection=8.0)), 0.5 * 8 / 2.0),
    ],
)
def test_each_option_of_the_loss_aware_policy_by_hand(options, ratio):
    many = TaskProgress('many', 'detection', 400, loss=0.5)
    few = TaskProgress('few', 'segmentation', 100, loss=2.0)
    p = DATA_SAMPLERS.build(dict(type='aurora_mm.LossAwarePolicy', **options)).probabilities([many, few])
    assert p[0] / p[1] == pytest.approx(ratio)


@pytest.mark.parametrize(
    ('options', 'ratio'),
    [
        (dict(gap_power=2.0, size_power=0.0, floor=0.0), (0.2 / 0.6) ** 2),
        (dict(gap_power=0.0, size_power=1.0, floor=0.0), 4.0),
        (dict(gap_power=1.0, size_power=0.0, floor=0.5), (0.5 * 0.25 + 0.25) / (0.5 * 0.75 + 0.25)),
    ],
)
def test_each_option_of_the_score_gap_policy_by_hand(options, ratio):
    many = TaskProgress('many', 'detection', 400, score=0.8)
    few = TaskProgress('few', 'segmentation', 100, score=0.4)
    p = DATA_SAMPLERS.build(dict(type='aurora_mm.ScoreGapPolicy', **options)).probabilities([many, few])
    assert p[0] / p[1] == pytest.approx(ratio)
