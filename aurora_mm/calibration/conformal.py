"""Split conformal prediction: a limit that a given fraction of new cases does not exceed."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from aurora_mm.errors import ConfigError


def conformal_limit(scores: NDArray[np.floating], coverage: float) -> float:
    """Return the limit of split conformal prediction (Vovk et al. 2005, https://arxiv.org/abs/2107.07511).

    If the scores and that of a new case are exchangeable, the new score is at most the limit with a probability of at
    least ``coverage``; with n scores and no ties it is below ``coverage + 1 / (n + 1)``.

    Args:
        scores: ``(n,)``, one for each case: how far the prediction is from the truth. Infinite scores are allowed.
        coverage: Fraction of new cases, in (0, 1).

    Returns:
        The k-th smallest score, ``k = ceil((n + 1) * coverage)``; infinity if there are fewer than k scores.

    Raises:
        ConfigError: If ``coverage`` is not between 0 and 1.
    """
    check_coverage(coverage)
    k = math.ceil((len(scores) + 1) * coverage - 1e-9)  # 0.9 * 10 is not exactly 9
    return float(np.sort(scores)[k - 1]) if k <= len(scores) else math.inf


def check_coverage(coverage: float) -> None:
    """Check that a coverage is between 0 and 1.

    Raises:
        ConfigError: If it is not.
    """
    if not 0 < coverage < 1:
        raise ConfigError(f'a coverage is a fraction between 0 and 1, such as 0.9, not {coverage}')
