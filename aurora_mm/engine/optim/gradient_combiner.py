"""The base of gradient combination, which sums the gradients."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from aurora_mm.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class GradientCombiner:
    """Combines K gradients of the same parameters to one; this base sums them.

    The methods here return a weighted sum of the gradients whose weights depend only on their inner products. So only a
    K x K matrix has to be computed with, however large the model is. It stays on the device, and the host does not wait
    for the weights.
    """

    def coefficients(self, gram: Tensor, rng: np.random.Generator) -> Tensor:
        """Compute the weights of the gradients in the result.

        Args:
            gram: Inner products of the gradients, ``(K, K)`` float64, finite. The row of a gradient that is zero is
                zero. It must not affect the other weights; its own weight may be any finite number.
            rng: Random numbers for methods with a random order of the gradients; in the same state on all ranks.

        Returns:
            Weights ``(K,)`` float64, on the device of ``gram``.
        """
        return torch.ones_like(gram[0])
