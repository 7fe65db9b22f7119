"""The gradient combination of Nash-MTL."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from aurora_mm.engine.optim.gradient_combiner import GradientCombiner
from aurora_mm.registry import OPTIM_WRAPPERS

# Number of Newton steps. Opposite gradients need most: their weights grow to 700, at most by a factor of 2 in each
# step.
_STEPS = 40


@OPTIM_WRAPPERS.register_module()
class NashMTLCombiner(GradientCombiner):
    """The Nash bargaining solution for the gradients (Navon et al., ICML 2022, https://arxiv.org/abs/2202.01017).

    It takes positive weights with ``gram weights = 1 / weights``: every task gains the same relative improvement. They
    minimise the convex function ``weights . gram weights / 2 - sum of log(weights)``. The step does not depend on the
    lengths of the gradients and has length sqrt(K).

    The function is self-concordant, so damped Newton steps find its minimum from any start. Their number is fixed, so
    that the host need not check for convergence.
    """

    def coefficients(self, gram: Tensor, rng: np.random.Generator) -> Tensor:
        """See :class:`GradientCombiner`."""
        squares = gram.diagonal()
        lengths = squares.where(squares > 0, 1.0).sqrt()
        # Opposite gradients have no solution; adding a small multiple of the identity keeps the weights finite. A
        # gradient that is zero gets a diagonal of 1, so it does not affect the other weights.
        cosines = gram / (lengths[:, None] * lengths)
        cosines = cosines + torch.diag(1e-6 + (squares <= 0).to(gram))
        weights = torch.ones_like(lengths)
        for _ in range(_STEPS):
            slope = cosines @ weights - 1 / weights
            curvature = cosines + torch.diag(weights**-2)
            newton = torch.linalg.solve_ex(curvature, slope).result
            decrement = (newton @ slope).clamp(min=0).sqrt()
            weights = weights - newton / torch.where(decrement > 0.25, 1 + decrement, 1.0)
        return weights / lengths
