"""The gradient combination of CAGrad."""

from __future__ import annotations

from itertools import product

import numpy as np
import torch
from torch import Tensor

from aurora_mm.engine.optim.gradient_combiner import GradientCombiner
from aurora_mm.models.utils.tensor_like import tensor_like
from aurora_mm.registry import OPTIM_WRAPPERS

# Added to the squared lengths of the gradients, whose sum is 1 here, so that the system can be solved for equal
# gradients.
_RIDGE = 1e-10


@OPTIM_WRAPPERS.register_module()
class CAGradCombiner(GradientCombiner):
    """Conflict-averse gradient descent (Liu et al., NeurIPS 2021, https://arxiv.org/abs/2110.14048).

    Of all steps within ``c |g0|`` of the mean gradient g0, it takes the one whose smallest inner product with any
    gradient is largest: ``d = g0 + c |g0| g_w / |g_w|``, where w on the simplex minimises ``g_w . g0 + c |g0| |g_w|``.
    The result is K d, so that c = 0 gives the sum.

    The minimum over each face of the simplex is known in closed form, so all ``2^K - 1`` faces are compared: 15 for the
    four task types.

    Args:
        c: Radius of the step in [0, 1); the paper uses 0.4 to 0.5.
    """

    def __init__(self, c: float = 0.4) -> None:
        self.c = c

    def coefficients(self, gram: Tensor, rng: np.random.Generator) -> Tensor:
        """See :class:`GradientCombiner`."""
        k = len(gram)
        present = gram.diagonal() > 0
        number = present.sum().clamp(min=1)
        unit = gram / gram.trace().clamp(min=1e-300)
        mean = present.to(gram) / number
        radius = self.c * (mean @ unit @ mean).clamp(min=0).sqrt()
        unit = unit + _RIDGE * torch.eye(k, dtype=gram.dtype, device=gram.device)
        toward = unit @ mean  # inner products with the mean gradient

        faces = tensor_like(list(product((0.0, 1.0), repeat=k))[1:], gram)  # (F, K), 1 for the gradients of a face
        w = _minima(unit, toward, radius, faces)
        value = w @ toward + radius * ((w @ unit) * w).sum(1).clamp(min=0).sqrt()
        allowed = (w >= -1e-12).all(1) & ((faces == 0) | present).all(1)
        best = w.index_select(0, value.nan_to_num(torch.inf).where(allowed, torch.inf).argmin()[None])[0]
        norm = (best @ unit @ best).clamp(min=0).sqrt()
        # Nothing is added if no direction improves all tasks, or if there is only one gradient.
        step = (radius / norm.clamp(min=1e-4) * best).where((norm > 1e-4) & (number > 1), 0.0)
        return number * (mean + step)


def _minima(unit: Tensor, toward: Tensor, radius: Tensor, faces: Tensor) -> Tensor:
    """Return the weights of sum 1 on each face that minimise ``toward . w + radius |w|``, with ``|w|^2 = w . unit w``.

    At the minimum, ``toward + (radius / |w|) unit w`` is the same number for all gradients of the face, so
    ``w = |w| / radius (number unit^-1 1 - unit^-1 toward)``. ``number`` and |w| follow from the sum and the length.

    Args:
        unit: Inner products ``(K, K)``, positive definite.
        toward: Inner products with the mean gradient, ``(K,)``.
        radius: A scalar.
        faces: ``(F, K)``, 1 for the gradients of a face and 0 for the others.

    Returns:
        Weights ``(F, K)``; NaN if there is no minimum, negative if it lies outside the face.
    """
    off = 1 - faces
    inside = unit * faces[:, :, None] * faces[:, None, :] + torch.diag_embed(off)
    right = torch.stack([faces, toward * faces], dim=2)
    ones, along = torch.linalg.solve_ex(inside, right).result.unbind(2)  # (F, K) each
    a, b, c = ones.sum(1), along.sum(1), (along * toward).sum(1)
    root = (b * b - a * (c - radius * radius)).clamp(min=0).sqrt()  # = a number - b
    return (((b + root) / a)[:, None] * ones - along) / root[:, None]
