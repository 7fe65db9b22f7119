import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from aurora_mm.engine import CAGradCombiner, GradientCombiner, NashMTLCombiner, PCGradCombiner
from aurora_mm.registry import OPTIM_WRAPPERS


def combine(combiner, gradients, seed=0):
    gradients = np.asarray(gradients, dtype=float)
    return coefficients(combiner, gradients @ gradients.T, seed) @ gradients


def coefficients(combiner, gram, seed=0):
    return combiner.coefficients(torch.from_numpy(gram), np.random.default_rng(seed)).numpy()


def random_gradients(seed, k=4, n=6):
    """K gradients, some of which conflict, of unlike lengths."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(k, n)) * rng.uniform(0.1, 10, (k, 1))


def test_the_sum():
    assert combine(GradientCombiner(), [[1, 2], [3, -4]]).tolist() == [4, -2]


def test_pcgrad_by_hand():
    # (1, 0) and (-1, 1) conflict: the first loses its part along (-1, 1), the second its part along (1, 0).
    assert combine(PCGradCombiner(), [[1, 0], [-1, 1]]) == pytest.approx(np.array([0.5, 0.5]) + np.array([0, 1]))
    assert combine(PCGradCombiner(), [[1, 0], [1, 1]]).tolist() == [2, 1]


@pytest.mark.parametrize('seed', range(5))
def test_pcgrad_is_the_papers_algorithm_on_vectors(seed):
    gradients = random_gradients(seed)
    rng, total = np.random.default_rng(seed), np.zeros(6)
    for i, gradient in enumerate(gradients):
        projected = gradient.copy()
        for j in rng.permutation(4):
            if j != i and projected @ gradients[j] < 0:
                projected -= projected @ gradients[j] / (gradients[j] @ gradients[j]) * gradients[j]
        total += projected
    assert combine(PCGradCombiner(), gradients, seed) == pytest.approx(total)


@pytest.mark.parametrize('seed', range(5))
def test_cagrad_solves_the_papers_primal_problem(seed):
    """The greatest smallest gain within c |g0| of the mean, found directly in the space of steps."""
    gradients, c = random_gradients(seed, k=3, n=3), 0.5
    mean = gradients.mean(0)
    got = combine(CAGradCombiner(c), gradients) / 3
    radius = c * np.linalg.norm(mean)
    assert np.linalg.norm(got - mean) <= radius * (1 + 1e-6)
    # Variables: the step and the smallest gain t.
    primal = minimize(
        lambda x: -x[3],
        np.append(mean, (gradients @ mean).min()),
        constraints=[
            dict(type='ineq', fun=lambda x: gradients @ x[:3] - x[3]),
            dict(type='ineq', fun=lambda x: radius**2 - ((x[:3] - mean) ** 2).sum()),
        ],
        method='SLSQP',
        options=dict(ftol=1e-12, maxiter=500),
    )
    assert (gradients @ got).min() == pytest.approx(primal.x[3], rel=1e-3, abs=1e-5)


@pytest.mark.parametrize('k', [2, 3, 4, 5])
@pytest.mark.parametrize('seed', range(3))
def test_cagrad_solves_the_papers_dual_problem(seed, k):
    """The least of ``g_w . g0 + c |g0| |g_w|`` over the simplex, found by a general solver."""
    gradients, c = random_gradients(seed, k=k), 0.4
    mean = gradients.mean(0)
    radius = c * np.linalg.norm(mean)
    dual = minimize(
        lambda w: w @ gradients @ mean + radius * np.linalg.norm(w @ gradients),
        np.full(k, 1 / k),
        bounds=[(0, 1)] * k,
        constraints=dict(type='eq', fun=lambda w: w.sum() - 1),
        method='SLSQP',
        options=dict(ftol=1e-12, maxiter=500),
    )
    along = dual.x @ gradients
    expected = mean + radius * along / np.linalg.norm(along)
    assert combine(CAGradCombiner(c), gradients) / k == pytest.approx(expected, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize('name', ['PCGradCombiner', 'CAGradCombiner', 'NashMTLCombiner'])
@pytest.mark.parametrize('place', [0, 2])
def test_a_gradient_that_is_zero_changes_nothing(name, place):
    combiner = OPTIM_WRAPPERS.build(dict(type=f'aurora_mm.{name}'))
    # Of three, no two of which are at an obtuse angle to both others: PCGrad's random order does not matter.
    gradients = np.array([[3.0, 0, 0], [-1, 2, 0], [0, 1, 1]])
    with_zero = np.insert(gradients, place, 0, axis=0)
    assert combine(combiner, with_zero) == pytest.approx(combine(combiner, gradients), rel=1e-6)


def test_cagrad_without_room_is_the_sum():
    gradients = random_gradients(0)
    assert combine(CAGradCombiner(0.0), gradients) == pytest.approx(gradients.sum(0))
    assert combine(CAGradCombiner(0.5), gradients[:1]) == pytest.approx(gradients[0])


def test_nash_by_hand():
    # At right angles the bargain takes the unit vectors.
    assert combine(NashMTLCombiner(), [[3, 0], [0, 0.5]]) == pytest.approx([1, 1], rel=1e-4)


@pytest.mark.parametrize('seed', range(5))
def test_nash_gives_every_gradient_the_same_share(seed):
    gradients = random_gradients(seed)
    gram = gradients @ gradients.T
    weights = coefficients(NashMTLCombiner(), gram)
    assert (weights > 0).all()
    assert weights * (gram @ weights) == pytest.approx(np.ones(4), rel=1e-3)


@pytest.mark.parametrize('name', ['GradientCombiner', 'PCGradCombiner', 'CAGradCombiner', 'NashMTLCombiner'])
def test_opposite_and_equal_gradients_are_no_error(name):
    combiner = OPTIM_WRAPPERS.build(dict(type=f'aurora_mm.{name}'))
    for gradients in ([[1, 1], [-1, -1]], [[1, 1], [1, 1]], [[1e-8, 0], [0, 1e8]]):
        assert np.isfinite(combine(combiner, gradients)).all()
