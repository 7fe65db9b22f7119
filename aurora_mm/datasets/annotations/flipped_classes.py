"""Permutations of classes and points when an image is mirrored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def applied_flip_indices(row: Mapping[str, Any]) -> np.ndarray:
    """Return the permutation of outputs that the warped image has: ``flip_indices`` if it is mirrored, else identity.

    Args:
        row: Contains ``flip``, ``flip_indices`` and ``num_outputs``.

    Returns:
        (num_outputs,) indices. Output i of the warped image is output ``indices[i]`` of the original image.
    """
    return np.array(row['flip_indices'] if row['flip'] else range(row['num_outputs']))


def class_after_flip(row: Mapping[str, Any]) -> np.ndarray:
    """Return the class that each class becomes in the warped image, which may be mirrored.

    Args:
        row: Contains ``flip``, ``flip_indices`` and ``num_outputs``.

    Returns:
        (num_outputs,) classes. Class c of the original image is class ``classes[c]`` of the warped image.
    """
    return np.argsort(applied_flip_indices(row))  # the inverse permutation
