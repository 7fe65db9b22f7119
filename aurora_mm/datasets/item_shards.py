"""The shards that the images of a data set are in."""

from __future__ import annotations

from typing import Any

import numpy as np

from aurora_mm.errors import ConfigError


def item_shards(dataset: Any, user: str) -> np.ndarray:
    """Return the shard that the image of each item is in.

    Args:
        dataset: A data set with a method ``shards``, such as :class:`aurora_mm.datasets.FMCUIADataset`.
        user: What needs it, for the error message.

    Returns:
        (N,) integers, different ones for different shards.

    Raises:
        ConfigError: If an image is not in a shard.
    """
    shards: np.ndarray | None = dataset.shards() if hasattr(dataset, 'shards') else None
    if shards is None or (shards < 0).any():
        raise ConfigError(
            f'{user} needs images in shards, and those of {type(dataset).__name__} are files of their own: '
            '`aurora-mm make-shards` packs them'
        )
    return shards
