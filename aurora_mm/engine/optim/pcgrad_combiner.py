"""The gradient combination of PCGrad."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from aurora_mm.engine.optim.gradient_combiner import GradientCombiner
from aurora_mm.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class PCGradCombiner(GradientCombiner):
    """Gradient surgery (Yu et al., NeurIPS 2020, https://arxiv.org/abs/2001.06782).

    From each gradient, the components along the gradients that it conflicts with are removed, one after the other in
    random order. The results are summed.
    """

    def coefficients(self, gram: Tensor, rng: np.random.Generator) -> Tensor:
        """See :class:`GradientCombiner`."""
        rows = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)  # row i: weights of all for gradient i
        squares = gram.diagonal()
        total = torch.zeros_like(squares)
        for i, row in enumerate(rows):
            for j in map(int, rng.permutation(len(gram))):
                if j != i:
                    conflict = (row @ gram[j]).clamp(max=0)
                    # A gradient that is zero conflicts with no other.
                    row = row - conflict / squares[j].where(squares[j] > 0, 1.0) * rows[j]
            total = total + row
        return total
