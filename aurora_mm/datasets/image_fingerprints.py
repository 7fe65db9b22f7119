"""Fingerprints of image files, by which a checkpoint knows the images that it was trained on."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

FINGERPRINTS = 'image_fingerprints'
"""The key of a training set's metainfo, which checkpoints keep."""

_BYTES = 4096  # of a file's middle
_THREADS = 8


def pack_fingerprints(files: Sequence[str]) -> str:
    """The fingerprints of image files as text, in an order of their own.

    A fingerprint is 8 bytes hashed from a file's length and the 4096 bytes in its middle, so that a file is known
    again under another name and in another folder, but not when it was encoded anew.

    Args:
        files: Paths; one that cannot be read has no fingerprint.
    """
    return _pack(_fingerprints(files))


def merge_fingerprints(packed: Iterable[str]) -> str:
    """The fingerprints of several data sets as one text."""
    return _pack(_unpack(packed))


def known_images(files: Sequence[str], packed: Iterable[str]) -> np.ndarray:
    """Which image files are among those of fingerprints.

    Args:
        files: N paths.
        packed: What :func:`pack_fingerprints` returned, of any number of runs.

    Returns:
        (N,) bool.
    """
    found = _fingerprints(files)
    return (found != 0) & np.isin(found, _unpack(packed))


def _pack(fingerprints: np.ndarray) -> str:
    return base64.b64encode(np.unique(fingerprints).tobytes()).decode('ascii')


def _unpack(packed: Iterable[str]) -> np.ndarray:
    parts = [np.frombuffer(base64.b64decode(text), np.uint64) for text in packed]
    return np.concatenate([np.zeros(0, np.uint64), *parts])


def _fingerprints(files: Sequence[str]) -> np.ndarray:
    """(N,) uint64, 0 for a file that cannot be read."""
    unique = list(dict.fromkeys(files))
    with ThreadPoolExecutor(_THREADS) as pool:
        of_file = dict(zip(unique, pool.map(_fingerprint, unique), strict=True))
    return np.array([of_file[file] for file in files], np.uint64)


def _fingerprint(file: str) -> int:
    try:
        with open(file, 'rb', buffering=0) as stream:  # noqa: PTH123, a path object costs more than the read
            length = os.fstat(stream.fileno()).st_size
            stream.seek(max(0, (length - _BYTES) // 2))
            middle = stream.read(_BYTES)
    except (OSError, ValueError):
        return 0
    return int.from_bytes(hashlib.blake2b(middle, digest_size=8, key=str(length).encode()).digest(), 'little')
