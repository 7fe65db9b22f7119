from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from aurora_mm.errors import DataError
from aurora_mm.files import whole_file

INDEX = 'index.arrow'
_KEY = b'aurora_mm.shards'
_NAME = re.compile(r'shard-\d{5,}\.tar')
_DIGEST = re.compile(r'[0-9a-f]{32}')
_NUMBERS = dict(shard=np.int32, offset=np.int64, size=np.int64, checksum=np.uint32, fingerprint=np.uint64)


class Shard(NamedTuple):
    """A tar file that holds images and masks.

    Args:
        name: Name of the file.
        size: Size of the file in bytes.
        digest: 32 hexadecimal digits of the BLAKE2b hash of its content.
    """

    name: str
    size: int
    digest: str


class Member(NamedTuple):
    """A file in a shard.

    Args:
        path: Path relative to the data root.
        shard: Index of the shard.
        offset: Position of the first byte in the shard.
        size: Number of bytes.
        checksum: CRC-32 of the bytes.
        fingerprint: See :func:`aurora_mm.images.fingerprints.fingerprint_of_bytes`.
    """

    path: str
    shard: int
    offset: int
    size: int
    checksum: int
    fingerprint: int


class ShardIndex:
    """The index of all shards of a data root: where each file is. It is mapped into memory, so processes share it.

    The file is in Arrow's IPC format: a record batch with a row for each member, in the order of the paths' bytes. The
    list of the shards is JSON in the metadata of the schema.

    Args:
        file: Path of the index, ``<root>/shards/index.arrow``.

    Raises:
        DataError: If the file is no such index.
    """

    def __init__(self, file: str | Path) -> None:
        import pyarrow as pa

        self.file = Path(file)
        try:
            batches = pa.ipc.open_file(pa.memory_map(str(file)))
            batch = batches.get_batch(0)
            _check_columns(batch, batches.num_record_batches)
            shards = [Shard(*shard) for shard in json.loads(batch.schema.metadata[_KEY])]
            if any([type(value) for value in shard] != [str, int, str] for shard in shards):
                raise ValueError(f'shards are {shards}')
            self._numbers = {name: batch.column(name).to_numpy() for name in _NUMBERS}
            self._paths = batch.column('path')
            _, ends, texts = self._paths.buffers()
            self._ends = memoryview(ends).cast('q')
            self._texts = memoryview(texts)
        except (OSError, ValueError, TypeError, KeyError) as error:  # ArrowInvalid is a ValueError
            raise DataError(f'cannot be read as an index of shards ({error})', file=file) from error
        for shard in shards:
            # Names become paths, so that others could lead anywhere.
            if not _NAME.fullmatch(shard.name) or not _DIGEST.fullmatch(shard.digest):
                raise DataError(f'names {shard.name!r} with digest {shard.digest!r} as a shard', file=file)
        self.shards = shards

    def __len__(self) -> int:
        return len(self._paths)

    def find(self, path: str) -> Member | None:
        """Return the member with a path relative to the data root, or None.

        Raises:
            DataError: If the index says that the member is where no shard is.
        """
        place = self.place(path)
        if place is None:
            return None
        member = Member(path, **{name: int(column[place]) for name, column in self._numbers.items()})
        is_there = 0 <= member.shard < len(self.shards) and min(member.offset, member.size) >= 0
        if not is_there or member.offset + member.size > self.shards[member.shard].size:
            raise DataError(f'says that {path} is where no shard is: {member}', file=self.file)
        return member

    def place(self, path: str) -> int | None:
        """Return the row of a path relative to the data root in the index, or None."""
        key = path.encode(errors='surrogateescape')
        place = self._search(key)
        return place if place < len(self) and self._text(place) == key else None

    def shards_of(self, paths: Sequence[str]) -> np.ndarray:
        """Return the indices of the shards of members.

        Args:
            paths: N paths relative to the data root.

        Returns:
            (N,) int32; -1 for a path that is not in the index.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        places = pc.index_in(pa.array(paths, pa.large_string()), self._paths).fill_null(-1).to_numpy()
        return np.where(places < 0, np.int32(-1), self._numbers['shard'][places])

    def names_in(self, folder: str) -> frozenset[str]:
        """Return the names of the members that are directly in a folder.

        Args:
            folder: Path relative to the data root.
        """
        import pyarrow.compute as pc

        prefix = f'{folder}/'
        start, end = self._search(prefix.encode()), self._search(f'{folder}0'.encode())  # '0' follows '/'
        names = pc.utf8_slice_codeunits(self._paths[start:end], start=len(prefix)).to_pylist()
        return frozenset(name for name in names if '/' not in name)

    def _search(self, key: bytes) -> int:
        """Return the number of paths that are smaller than a key."""
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self._text(middle) < key:
                low = middle + 1
            else:
                high = middle
        return low

    def _text(self, place: int) -> bytes:
        return bytes(self._texts[self._ends[place] : self._ends[place + 1]])


def _check_columns(batch: Any, count: int) -> None:
    """Check the types of the columns, without reading what is in them: there may be millions of rows.

    Raises:
        ValueError: If they are others.
    """
    import pyarrow as pa

    wanted: dict[str, Any] = dict(path=pa.large_string())
    wanted |= {name: pa.from_numpy_dtype(kind) for name, kind in _NUMBERS.items()}
    found = dict(zip(batch.schema.names, batch.schema.types, strict=True))
    if found != wanted or count != 1 or any(column.null_count for column in batch.columns):
        raise ValueError(f'{count} batches of columns {", ".join(f"{name}: {kind}" for name, kind in found.items())}')


def write_shard_index(file: Path, members: Sequence[Member], shards: Sequence[Shard]) -> None:
    """Write an index of shards, completely or not at all.

    Args:
        file: Path of the index.
        members: All members, in any order.
        shards: All shards. Members have indices of this list.

    Raises:
        OutputError: If the file cannot be written.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    columns: dict[str, Any] = dict(path=pa.array([member.path for member in members], pa.large_string()))
    for name, kind in _NUMBERS.items():
        columns[name] = pa.array(np.array([getattr(member, name) for member in members], kind))
    table = pa.record_batch(columns, metadata={_KEY: json.dumps(shards).encode()})
    table = table.take(pc.sort_indices(columns['path']))
    with whole_file(file) as partial, pa.ipc.new_file(str(partial), table.schema) as writer:
        writer.write_batch(table)
