"""Platt scaling of scores: the probability of being correct as a logistic function of the score's logit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit

Floats = NDArray[np.floating]
_MARGIN = 1e-6  # scores of 0 and 1 have no finite logit
_LARGEST_SLOPE = 20.0


class PlattScaling(NamedTuple):
    """The calibrated score is ``sigmoid(slope * logit(score) + shift)``.

    A temperature alone cannot calibrate the scores of boxes: they were trained to be the overlap of a box, not the
    probability that it is correct, so they are off by a shift as well.

    Args:
        slope: Not negative, so that the order of boxes does not change. It is the inverse of a temperature.
        shift: Added to the logit.
    """

    slope: float = 1.0
    shift: float = 0.0

    def __call__(self, scores: Floats) -> Floats:
        """Calibrate scores, of any shape, in [0, 1]."""
        return expit(self.slope * _logit(scores) + self.shift)

    @classmethod
    def fit(cls, scores: Floats, correct: NDArray[np.bool_]) -> PlattScaling:
        """Fit the scaling with the highest likelihood.

        The targets are those of Platt (1999), which lie a little inside of (0, 1), so that scores that separate the
        cases do not lead to an infinite slope.

        Args:
            scores: ``(n,)`` in [0, 1].
            correct: ``(n,)``, whether each case was correct.

        Returns:
            The scaling; the identity if there are no cases.
        """
        if not len(scores):
            return cls()
        x = _logit(scores)
        hits = int(correct.sum())
        target = np.where(correct, (hits + 1) / (hits + 2), 1 / (len(correct) - hits + 2))

        def loss(parameters: Floats) -> tuple[float, Floats]:
            z = parameters[0] * x + parameters[1]
            error = expit(z) - target
            value = np.logaddexp(0, z) - target * z
            return float(value.mean()), np.array([(error * x).mean(), error.mean()])

        found = minimize(loss, [1.0, 0.0], jac=True, bounds=[(0, _LARGEST_SLOPE), (-50, 50)], method='L-BFGS-B')
        return cls(float(found.x[0]), float(found.x[1]))


def _logit(scores: Floats) -> Floats:
    return logit(np.clip(scores.astype(np.float64), _MARGIN, 1 - _MARGIN))
