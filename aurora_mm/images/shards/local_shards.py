from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from aurora_mm.images.shards.shard_index import Shard

_OPEN_FILES = 64


class LocalShards:
    """Shards in a folder. Files stay open, because opening one takes a round trip on a network disk.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open = lru_cache(_OPEN_FILES)(lambda name: _Handle(self.folder / name))

    def read(self, shard: Shard, offset: int, size: int) -> bytes:
        """Return bytes of a shard; fewer if the shard ends before.

        Args:
            shard: The shard.
            offset: Position of the first byte.
            size: Number of bytes.

        Raises:
            OSError: If the file cannot be read.
        """
        try:
            return self._open(shard.name).read(offset, size)
        except OSError:
            self._open.cache_clear()  # a handle of a network disk may be stale
            raise

    def place_of(self, shard: Shard) -> str:
        """Return the path of a shard."""
        return str(self.folder / shard.name)


class _Handle:
    """An open file that is closed when nothing refers to it any more, so never while a thread reads from it."""

    def __init__(self, path: Path) -> None:
        self._number = -1
        self._number = os.open(path, os.O_RDONLY)

    def read(self, offset: int, size: int) -> bytes:
        return os.pread(self._number, size, offset)

    def __del__(self) -> None:
        if self._number >= 0:
            os.close(self._number)
