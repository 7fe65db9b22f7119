"""Nash-MTL."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from aurora_mm.engine.optim.gradient_combiner import GradientCombiner
from aurora_mm.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class NashMTLCombiner(GradientCombiner):
    """The bargain between the gradients (Navon et al., ICML 2022, https://arxiv.org/abs/2202.01017).

    Positive weights with ``gram weights = 1 / weights``: every gradient gains by the same share. They minimise the
    convex function ``weights . gram weights / 2 - sum of log(weights)``. The step does not depend on the gradients'
    lengths and has length sqrt(K).
    """

    def coefficients(self, gram: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """See :class:`GradientCombiner`."""
        lengths = np.sqrt(np.diag(gram))
        cosines = gram / np.outer(lengths, lengths)
        # Opposite gradients have no bargain; a little of the identity keeps the weights finite.
        cosines = cosines + 1e-6 * np.eye(len(gram))
        best = minimize(
            lambda u: (
                np.exp(u) @ cosines @ np.exp(u) / 2 - u.sum()
            ),  # u = log of the weights, so that they stay above 0
            np.zeros(len(gram)),
            jac=lambda u: np.exp(u) * (cosines @ np.exp(u)) - 1,
            method='BFGS',
            options=dict(gtol=1e-8),
        )
        return np.exp(best.x) / lengths
