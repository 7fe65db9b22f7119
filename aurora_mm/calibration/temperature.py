"""Temperature scaling of class probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

Floats = NDArray[np.floating]
_RANGE = 20.0  # temperatures are at most this, and at least its inverse
_SMALLEST = 1e-12  # probabilities below it count as this, because their logarithm has to be finite


def temper(probs: Floats, temperature: float) -> Floats:
    """Divide the logits of class probabilities by a temperature (Guo et al. 2017, https://arxiv.org/abs/1706.04599).

    Logits are only known up to a constant, which does not matter, so the logarithms of the probabilities take their
    place. The order of the classes does not change.

    Args:
        probs: ``(..., C)``, summing to 1 over the classes.
        temperature: Above 1 makes the probabilities less extreme, below 1 more.

    Returns:
        ``(..., C)``, summing to 1.
    """
    return np.exp(log_softmax(np.log(np.maximum(probs, _SMALLEST)) / temperature, axis=-1))


def fit_temperature(probs: Floats, truth: NDArray[np.integer]) -> float:
    """Fit the temperature that gives the true classes the highest likelihood.

    Args:
        probs: ``(n, C)``, summing to 1 over the classes.
        truth: ``(n,)`` true classes.

    Returns:
        The temperature, in [0.05, 20]. It is 1 if there are no cases.
    """
    if not len(probs):
        return 1.0
    logits = np.log(np.maximum(probs.astype(np.float64), _SMALLEST))
    rows = np.arange(len(truth))

    def loss(log_temperature: float) -> float:
        return -float(log_softmax(logits / np.exp(log_temperature), axis=1)[rows, truth].mean())

    bound = float(np.log(_RANGE))
    return float(np.exp(minimize_scalar(loss, bounds=(-bound, bound), method='bounded').x))
