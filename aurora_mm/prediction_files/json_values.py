"""Values as JSON has them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor


def json_value(value: Any, digits: int | None = None) -> Any:
    """Give a value as JSON has it.

    Args:
        value: Numbers, text, dicts, sequences, arrays and tensors.
        digits: Decimals to keep of numbers with a decimal point; None keeps all.

    Returns:
        Numbers that are not finite are None: JSON has none.

    Raises:
        TypeError: If JSON has no such value.
    """
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return value if digits is None else round(value, digits)
    if isinstance(value, Mapping):
        return {str(key): json_value(item, digits) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [json_value(item, digits) for item in value]
    raise TypeError(f'JSON has no {type(value).__name__}')
