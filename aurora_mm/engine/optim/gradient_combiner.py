"""The interface of gradient surgery, which is also the choice not to operate."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from aurora_mm.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class GradientCombiner:
    """How K gradients of the same parameters become one: here, by their sum.

    All methods worth having give a weighted sum of the gradients, whose weights follow from the inner products
    alone. So nothing but a K x K matrix has to be looked at, however large the model is. It stays on the device, and
    the host does not wait for the weights.
    """

    def coefficients(self, gram: Tensor, rng: np.random.Generator) -> Tensor:
        """Compute the weights of the gradients in the result.

        Args:
            gram: ``(K, K)`` float64, finite inner products of the gradients. The row of a gradient that is zero is
                zero; the other weights are as if it were not there, and its own may be any finite number.
            rng: For methods that take the gradients in a random order; in the same state on all ranks.

        Returns:
            ``(K,)`` float64, on the device of ``gram``.
        """
        return torch.ones_like(gram[0])
