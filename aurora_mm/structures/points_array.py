from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray


def points_array(points: Iterable[Sequence[float] | None]) -> NDArray[np.float64]:
    """Return the points of an annotation, (K, 2) float64; nan for None, a point that is not labelled.

    Args:
        points: K times x and y in pixels, or None.
    """
    return np.array([(np.nan, np.nan) if point is None else point for point in points], np.float64).reshape(-1, 2)
