"""Fingerprints of image files, by which a file is recognised wherever it is."""

from __future__ import annotations

import hashlib
import os

from aurora_mm.images.shards.sharded_root import sharded_root_of

_BYTES = 4096  # bytes that are read from the middle of each file


def fingerprint(file: str) -> int:
    """Return the fingerprint of an image file: an 8-byte hash of its size and of the 4096 bytes in its middle.

    Args:
        file: Path of the file. That of a file in a shard is in the index of the shards, which are not read.

    Returns:
        The hash as an integer, 0 if the file cannot be read.
    """
    root = sharded_root_of(file)
    if root is not None:
        member = root.find(file)
        return 0 if member is None else member.fingerprint
    try:
        with open(file, 'rb', buffering=0) as stream:  # noqa: PTH123, a path object costs more than the read
            length = os.fstat(stream.fileno()).st_size
            stream.seek(max(0, (length - _BYTES) // 2))
            middle = stream.read(_BYTES)
    except (OSError, ValueError):
        return 0
    return _hash(length, middle)


def fingerprint_of_bytes(data: bytes) -> int:
    """Return the fingerprint of a file with the given content, see :func:`fingerprint`."""
    start = max(0, (len(data) - _BYTES) // 2)
    return _hash(len(data), data[start : start + _BYTES])


def _hash(length: int, middle: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(middle, digest_size=8, key=str(length).encode()).digest(), 'little')
