"""What a mirrored image does to the names of classes and points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def flip_order(row: Mapping[str, Any]) -> np.ndarray:
    """Return (num_outputs,) indices: output i of the image as it was warped is output ``order[i]`` of the original."""
    return np.array(row['flip_indices'] if row['flip'] else range(row['num_outputs']))


def class_after_flip(row: Mapping[str, Any]) -> np.ndarray:
    """Return (num_outputs,) classes: class c of the original is class ``after[c]`` in the image as it was warped."""
    return np.argsort(flip_order(row))  # the inverse permutation
