"""PCGrad."""

from __future__ import annotations

import numpy as np

from aurora_mm.engine.optim.gradient_combiner import GradientCombiner
from aurora_mm.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class PCGradCombiner(GradientCombiner):
    """Gradient surgery (Yu et al., NeurIPS 2020, https://arxiv.org/abs/2001.06782).

    Each gradient loses its component along every other that it conflicts with, one after the other in random order;
    the results are summed.
    """

    def coefficients(self, gram: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """See :class:`GradientCombiner`."""
        projected = np.eye(len(gram))  # row i: gradient i, as weights of the gradients
        for i, row in enumerate(projected):
            for j in rng.permutation(len(gram)):
                conflict = row @ gram[j]
                if j != i and conflict < 0:
                    row[j] -= conflict / gram[j, j]
        return projected.sum(0)
