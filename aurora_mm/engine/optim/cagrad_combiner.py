"""CAGrad."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from aurora_mm.engine.optim.gradient_combiner import GradientCombiner
from aurora_mm.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class CAGradCombiner(GradientCombiner):
    """Conflict-averse gradient descent (Liu et al., NeurIPS 2021, https://arxiv.org/abs/2110.14048).

    Of all steps within ``c |g0|`` of the mean gradient g0, the one whose smallest inner product with any gradient is
    greatest: ``d = g0 + c |g0| g_w / |g_w|``, where w on the simplex minimises ``g_w . g0 + c |g0| |g_w|``. The
    result is K d, so that c = 0 gives the sum.

    Args:
        c: In [0, 1); the paper takes 0.4 to 0.5.
    """

    def __init__(self, c: float = 0.4) -> None:
        self.c = c

    def coefficients(self, gram: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """See :class:`GradientCombiner`."""
        k = len(gram)
        if k == 1:
            return np.ones(1)
        scale = np.trace(gram)  # the solver's tolerances are absolute
        unit = gram / scale
        mean = np.full(k, 1 / k)
        radius = self.c * np.sqrt(max(mean @ unit @ mean, 0.0))
        bound = minimize(
            lambda w: w @ unit @ mean + radius * np.sqrt(w @ unit @ w + 1e-12),
            mean,
            jac=lambda w: unit @ mean + radius * (unit @ w) / np.sqrt(w @ unit @ w + 1e-12),
            bounds=[(0, 1)] * k,
            constraints=dict(type='eq', fun=lambda w: w.sum() - 1, jac=np.ones_like),
            method='SLSQP',
            options=dict(ftol=1e-10),
        )
        norm = np.sqrt(bound.x @ unit @ bound.x)
        return k * (mean + (radius / norm * bound.x if norm > 1e-6 else 0.0))
