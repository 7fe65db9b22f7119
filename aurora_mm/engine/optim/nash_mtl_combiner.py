"""Nash-MTL."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from aurora_mm.engine.optim.gradient_combiner import GradientCombiner
from aurora_mm.registry import OPTIM_WRAPPERS

# Newton steps. Opposite gradients take the most: their weights grow to 700, at most twice as large at each step.
_STEPS = 40


@OPTIM_WRAPPERS.register_module()
class NashMTLCombiner(GradientCombiner):
    """The bargain between the gradients (Navon et al., ICML 2022, https://arxiv.org/abs/2202.01017).

    Positive weights with ``gram weights = 1 / weights``: every gradient gains by the same share. They minimise the
    convex function ``weights . gram weights / 2 - sum of log(weights)``. The step does not depend on the gradients'
    lengths and has length sqrt(K).

    The function is self-concordant, so damped Newton steps find its minimum from anywhere. Their number is fixed, so
    that the host need not look whether it was found.
    """

    def coefficients(self, gram: Tensor, rng: np.random.Generator) -> Tensor:
        """See :class:`GradientCombiner`."""
        squares = gram.diagonal()
        lengths = squares.where(squares > 0, 1.0).sqrt()
        # Opposite gradients have no bargain; a little of the identity keeps the weights finite. A gradient that is
        # zero gets a diagonal of 1 and no part in the others' bargain.
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
