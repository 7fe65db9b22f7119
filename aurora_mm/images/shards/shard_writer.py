from __future__ import annotations

import hashlib
import tarfile
import zlib
from collections.abc import Callable
from io import BufferedWriter
from pathlib import Path
from types import TracebackType

from aurora_mm.images.fingerprints import fingerprint_of_bytes
from aurora_mm.images.shards.shard_index import INDEX, Member, Shard, write_shard_index

_BLOCK = 512  # bytes, of which a tar file has a whole number
_END = bytes(2 * _BLOCK)


class ShardWriter:
    """Writes shards and, at the end of a ``with`` block that does not raise, their index.

    A shard is a tar file without compression, which any other program can unpack. A new one begins when the next
    member would make the current one larger than wanted. A member that is larger has a shard of its own.

    Args:
        folder: Folder of the shards. It must exist.
        shard_size: Wanted size of a shard, in bytes.
        finished: Called with the path of each shard that is complete, and of the index.
    """

    def __init__(self, folder: Path, shard_size: int, finished: Callable[[Path], None] = lambda file: None) -> None:
        self.folder = folder
        self.shard_size = shard_size
        self._finished = finished
        self._members: list[Member] = []
        self._shards: list[Shard] = []
        self._stream: BufferedWriter | None = None
        self._size, self._digest = 0, hashlib.blake2b(digest_size=16)  # of the shard that is being written

    def add(self, path: str, data: bytes) -> None:
        """Add a file.

        Args:
            path: Path relative to the data root.
            data: Its content.
        """
        info = tarfile.TarInfo(path)
        info.size = len(data)
        header = info.tobuf(tarfile.PAX_FORMAT)
        padding = bytes(-len(data) % _BLOCK)
        length = len(header) + len(data) + len(padding)
        if self._stream is not None and self._size + length + len(_END) > self.shard_size:
            self._end_shard()
        if self._stream is None:
            self._stream = self._file().open('wb')
            self._size, self._digest = 0, hashlib.blake2b(digest_size=16)
        offset = self._size + len(header)
        for part in (header, data, padding):
            self._write(part)
        self._members.append(
            Member(path, len(self._shards), offset, len(data), zlib.crc32(data), fingerprint_of_bytes(data))
        )

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            if self._stream is not None:
                self._stream.close()
            return
        if self._stream is not None:
            self._end_shard()
        write_shard_index(self.folder / INDEX, self._members, self._shards)
        self._finished(self.folder / INDEX)

    def _file(self) -> Path:
        return self.folder / f'shard-{len(self._shards):05d}.tar'

    def _write(self, data: bytes) -> None:
        assert self._stream is not None
        self._stream.write(data)
        self._digest.update(data)
        self._size += len(data)

    def _end_shard(self) -> None:
        assert self._stream is not None
        self._write(_END)
        self._stream.close()
        self._stream = None
        file = self._file()
        self._shards.append(Shard(file.name, self._size, self._digest.hexdigest()))
        self._finished(file)
