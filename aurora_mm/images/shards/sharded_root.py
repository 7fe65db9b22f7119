from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from aurora_mm.images.image_header import BadImage
from aurora_mm.images.shards.local_shards import LocalShards
from aurora_mm.images.shards.shard_cache import ShardCache
from aurora_mm.images.shards.shard_index import INDEX, Member, ShardIndex
from aurora_mm.images.shards.shard_source import read_source

SHARDS = 'shards'
"""Folder of the shards and their index in a data root."""


class ShardedRoot:
    """A data root whose images and masks are in shards.

    Files have the paths that they would have in a data root without shards, such as ``<root>/Detection/1.png``.

    Args:
        folder: The data root, which contains ``shards/index.arrow``. The shards are beside the index, or elsewhere if
            the folder was made by :func:`aurora_mm.images.shards.remote_root.local_data_root`.

    Raises:
        DataError: If the index cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index = ShardIndex(folder / SHARDS / INDEX)

    @cached_property
    def source(self) -> LocalShards | ShardCache:
        """Where the shards are read from."""
        source = read_source(self.folder)
        return LocalShards(self.folder / SHARDS) if source is None else ShardCache(*source)

    def find(self, path: str | Path) -> Member | None:
        """Return the member of a path in this data root, or None if there is none."""
        return self.index.find(self.relative(path))

    def relative(self, path: str | Path) -> str:
        """Return a path relative to this data root."""
        return Path(path).relative_to(self.folder).as_posix()

    def read(self, path: str | Path) -> bytes:
        """Return the content of a file.

        Args:
            path: Path of the file in this data root.

        Raises:
            BadImage: If there is no such file, its shard cannot be read, or its content is not what was packed.
        """
        member = self._member(path)
        data = self._content(member)
        if data is None and isinstance(self.source, ShardCache):  # its copy may be what is damaged
            self.source.remove(self.index.shards[member.shard])
            data = self._content(member)
        if data is None:
            place = self.source.place_of(self.index.shards[member.shard])
            raise BadImage(f'is damaged: member {member.path} of shard {place} is not what was packed')
        return data

    def read_start(self, path: str | Path, size: int) -> bytes:
        """Return the first bytes of a file, which are not compared with its checksum.

        Args:
            path: Path of the file in this data root.
            size: Number of bytes; fewer are returned if the file is shorter.

        Raises:
            BadImage: If there is no such file, or its shard cannot be read.
        """
        member = self._member(path)
        return self._bytes(member, min(size, member.size))

    def _member(self, path: str | Path) -> Member:
        member = self.find(path)
        if member is None:
            raise BadImage(f'cannot be read (it is not in the shards of {self.folder})')
        return member

    def _content(self, member: Member) -> bytes | None:
        """Return the content of a member, or None if it is not what was packed."""
        data = self._bytes(member, member.size)
        return data if len(data) == member.size and zlib.crc32(data) == member.checksum else None

    def _bytes(self, member: Member, size: int) -> bytes:
        """Return the first bytes of a member."""
        shard = self.index.shards[member.shard]
        try:
            return self.source.read(shard, member.offset, size)
        except OSError as error:
            place = self.source.place_of(shard)
            raise BadImage(f'cannot be read (its shard {place}: {error.strerror or error})') from error


def sharded_root_of(path: str | Path) -> ShardedRoot | None:
    """Return the data root with shards that a file is in, or None for a file that is not in a shard.

    Args:
        path: Path of the file.

    Raises:
        DataError: If the index of the shards cannot be read.
    """
    return _root_of(str(path).rpartition('/')[0])


def shards_of(paths: Sequence[str]) -> np.ndarray:
    """Return the shards that files are in.

    Args:
        paths: N paths.

    Returns:
        (N,) int64, different numbers for different shards, also of different data roots; -1 for a file in no shard.
    """
    of_root: dict[Path, list[int]] = {}
    for place, path in enumerate(paths):
        root = sharded_root_of(path)
        if root is not None:
            of_root.setdefault(root.folder, []).append(place)
    found = np.full(len(paths), -1, np.int64)
    start = 0
    for folder, places in of_root.items():
        root = _open_root(folder)
        shards = root.index.shards_of([root.relative(paths[place]) for place in places])
        found[places] = np.where(shards < 0, -1, shards + start)
        start += len(root.index.shards)
    return found


@lru_cache(1 << 16)
def _root_of(folder: str) -> ShardedRoot | None:
    path = Path(folder)
    try:
        found = next((at for at in (path, *path.parents) if (at / SHARDS / INDEX).is_file()), None)
    except (OSError, ValueError):  # a name that is too long, or with a null character
        return None
    return None if found is None else _open_root(found)


@lru_cache(64)
def _open_root(folder: Path) -> ShardedRoot:
    return ShardedRoot(folder)
