"""Fingerprints of image files. Checkpoints store those of their training images."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from aurora_mm.images.fingerprints import fingerprint

FINGERPRINTS = 'image_fingerprints'
"""Key in the metainfo of training data, which checkpoints store."""

_THREADS = 8
_PART = 256  # files that a thread reads before it asks for more


def pack_fingerprints(files: Sequence[str]) -> str:
    """Compute the fingerprints of image files.

    A fingerprint (see :func:`aurora_mm.images.fingerprints.fingerprint`) does not change if a file is renamed, moved or
    packed in a shard, but if the image is encoded again.

    Args:
        files: Paths. A file that cannot be read has no fingerprint.

    Returns:
        The sorted fingerprints as text in base64.
    """
    return _pack(_fingerprints(files))


def merge_fingerprints(packed: Iterable[str | None]) -> str | None:
    """Merge the fingerprints of several data sets; None if those of one of them are not known."""
    known = []
    for fingerprints in packed:
        if fingerprints is None:
            return None
        known.append(fingerprints)
    return _pack(_unpack(known))


def with_images_of(dataset_meta: Mapping[str, Any], others: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the metadata of the training data of a model that has learnt from other models, too.

    Args:
        dataset_meta: Metadata of the training data.
        others: Metadata of the training data of the other models.

    Returns:
        The metadata, with the fingerprints of all training images; without any if those of one model are not known.
    """
    merged = merge_fingerprints(meta.get(FINGERPRINTS) for meta in (dataset_meta, *others))
    found = {key: value for key, value in dataset_meta.items() if key != FINGERPRINTS}
    return found if merged is None else found | {FINGERPRINTS: merged}


def known_images(files: Sequence[str], packed: Iterable[str]) -> np.ndarray:
    """Find the image files whose fingerprints are in given sets of fingerprints.

    Args:
        files: N paths.
        packed: Any number of results of :func:`pack_fingerprints`.

    Returns:
        (N,) bool.
    """
    found = _fingerprints(files)
    return (found != 0) & np.isin(found, _unpack(packed))


def _pack(fingerprints: np.ndarray) -> str:
    return base64.b64encode(np.unique(fingerprints).tobytes()).decode('ascii')


def _unpack(packed: Iterable[str]) -> np.ndarray:
    arrays = [np.frombuffer(base64.b64decode(text), np.uint64) for text in packed]
    return np.concatenate([np.zeros(0, np.uint64), *arrays])


def _fingerprints(files: Sequence[str]) -> np.ndarray:
    """Return (N,) uint64 fingerprints, 0 for a file that cannot be read."""
    unique = list(dict.fromkeys(files))
    parts = [unique[start : start + _PART] for start in range(0, len(unique), _PART)]
    with ThreadPoolExecutor(_THREADS) as pool:
        found = [number for part in pool.map(_of_part, parts) for number in part]
    of_file = dict(zip(unique, found, strict=True))
    return np.fromiter((of_file[file] for file in files), np.uint64, len(files))


def _of_part(files: Sequence[str]) -> list[int]:
    return [fingerprint(file) for file in files]
