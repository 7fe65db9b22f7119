"""How well confidences agree with how often predictions are correct."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

BINS = 10
_DRAWS = 1000


class Reliability(NamedTuple):
    """The reliability of confidences, in bins of equal width (Naeini et al. 2015).

    Args:
        ece: Expected calibration error: the mean difference between the confidence of a bin and the fraction of its
            cases that are correct, weighted by the number of cases. None if there are no cases.
        chance: The same of a perfectly calibrated model with these confidences and independent predictions. It is not
            0, and large if there are few cases.
        confidence: Mean confidence of each bin that has cases.
        correct: Fraction of correct cases of each of these bins.
        cases: Number of cases of each of these bins.
    """

    ece: float | None
    chance: float | None
    confidence: list[float]
    correct: list[float]
    cases: list[int]

    @classmethod
    def of(cls, confidence: NDArray[np.floating], correct: NDArray[np.bool_], bins: int = BINS) -> Reliability:
        """Compute the reliability.

        Args:
            confidence: ``(n,)`` in [0, 1].
            correct: ``(n,)``, whether each case is correct.
            bins: Number of bins.
        """
        confidence = confidence.astype(np.float64)
        index = np.clip((confidence * bins).astype(int), 0, bins - 1)
        count = np.bincount(index, minlength=bins)
        filled = count > 0
        mean, share = (
            np.bincount(index, values, minlength=bins)[filled] / count[filled] for values in (confidence, correct)
        )
        if not len(confidence):
            return cls(None, None, [], [], [])
        weights = count[filled] / len(confidence)
        drawn = np.random.default_rng(0).binomial(count[filled], mean.clip(0, 1), (_DRAWS, len(mean))) / count[filled]
        chance = float((weights * np.abs(mean - drawn)).sum(1).mean())
        ece = float((weights * np.abs(mean - share)).sum())
        return cls(ece, chance, mean.tolist(), share.tolist(), count[filled].tolist())

    def plain(self) -> dict[str, Any]:
        """Return the values as a dict for JSON."""
        return self._asdict()
