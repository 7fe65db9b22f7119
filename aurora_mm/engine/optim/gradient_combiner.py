"""The interface of gradient surgery, which is also the choice not to operate."""

from __future__ import annotations

import numpy as np

from aurora_mm.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class GradientCombiner:
    """How K gradients of the same parameters become one: here, by their sum.

    All methods worth having give a weighted sum of the gradients, whose weights follow from the inner products
    alone. So nothing but a K x K matrix has to be looked at, however large the model is.
    """

    def coefficients(self, gram: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(K,) weights of the gradients in the result.

        Args:
            gram: (K, K) inner products of the gradients, none of which is zero.
            rng: For methods that take the gradients in a random order; in the same state on all ranks.
        """
        return np.ones(len(gram))
