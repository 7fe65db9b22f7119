"""Fingerprints of image files. Checkpoints store those of their training images."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

FINGERPRINTS = 'image_fingerprints'
"""Key in the metainfo of training data, which checkpoints store."""

_BYTES = 4096  # bytes that are read from the middle of each file
_THREADS = 8
_PART = 256  # files that a thread reads before it asks for more


def pack_fingerprints(files: Sequence[str]) -> str:
    """Compute the fingerprints of image files.

    A fingerprint is an 8-byte hash of a file's size and of the 4096 bytes in its middle. It does not change if a file
    is renamed or moved, but if the image is encoded again.

    Args:
        files: Paths. A file that cannot be read has no fingerprint.

    Returns:
        The sorted fingerprints as text in base64.
    """
    return _pack(_fingerprints(files))


def merge_fingerprints(packed: Iterable[str]) -> str:
    """Merge the fingerprints of several data sets."""
    return _pack(_unpack(packed))


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
        found = [fingerprint for part in pool.map(_of_part, parts) for fingerprint in part]
    of_file = dict(zip(unique, found, strict=True))
    return np.fromiter((of_file[file] for file in files), np.uint64, len(files))


def _of_part(files: Sequence[str]) -> list[int]:
    return [_fingerprint(file) for file in files]


def _fingerprint(file: str) -> int:
    try:
        with open(file, 'rb', buffering=0) as stream:  # noqa: PTH123, a path object costs more than the read
            length = os.fstat(stream.fileno()).st_size
            stream.seek(max(0, (length - _BYTES) // 2))
            middle = stream.read(_BYTES)
    except (OSError, ValueError):
        return 0
    return int.from_bytes(hashlib.blake2b(middle, digest_size=8, key=str(length).encode()).digest(), 'little')
