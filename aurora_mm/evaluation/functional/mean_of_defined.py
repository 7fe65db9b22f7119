from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mean_of_defined(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Compute the mean over the first axis, of the values that are not nan.

    Args:
        values: ``(C, ...)``, such as a score of each class in each resample; nan where a class has no score.

    Returns:
        ``(...)``; nan where all values are nan.
    """
    present = (~np.isnan(values)).sum(axis=0)
    return np.divide(np.nansum(values, axis=0), present, out=np.full(values.shape[1:], np.nan), where=present > 0)
