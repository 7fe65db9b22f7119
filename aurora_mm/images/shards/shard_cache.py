from __future__ import annotations

import errno
import fcntl
import os
import re
import time
from pathlib import Path

from aurora_mm.errors import ConfigError
from aurora_mm.images.shards.locks import locked
from aurora_mm.images.shards.remote_files import RemoteFolder
from aurora_mm.images.shards.shard_index import Shard

_NAME = re.compile(r'[0-9a-f]{32}-(\d+)\.(tar|partial)')
_LOCK = 'lock'
_WAIT = 0.05  # seconds between two looks at downloads of other processes


class ShardCache:
    """Copies of remote shards on this machine, of limited total size, the least recently used ones removed first.

    Threads and processes, also of different runs, may use one folder. A shard is downloaded by one of them while the
    others wait. It appears under its name when it is complete, and a process that reads a shard can read on while it
    is removed. Names are made from the content, so a copy never belongs to another version of the data.

    Args:
        url: URL of the folder of the shards, such as ``s3://bucket/data/shards``.
        folder: Folder of the copies. It is created if it does not exist.
        max_bytes: Limit of the size of all copies, those that are being downloaded included.

    Attributes:
        downloads (int): Number of shards that this process downloaded.
    """

    def __init__(self, url: str, folder: str | Path, max_bytes: int) -> None:
        self.folder = Path(folder)
        self.max_bytes = max_bytes
        self.downloads = 0
        self._remote = RemoteFolder(url)

    def read(self, shard: Shard, offset: int, size: int) -> bytes:
        """Return bytes of a shard, which is downloaded if it is not there; fewer if the shard ends before.

        Args:
            shard: The shard.
            offset: Position of the first byte.
            size: Number of bytes.

        Raises:
            OSError: If the shard cannot be downloaded or read.
            ConfigError: If the shard is larger than the cache.
        """
        file = self.folder / f'{shard.digest}-{shard.size}.tar'
        try:
            handle = os.open(file, os.O_RDONLY)
        except FileNotFoundError:
            handle = self._fetch(shard, file)
        try:
            os.utime(handle)  # which were used last
            return os.pread(handle, size, offset)
        finally:
            os.close(handle)

    def place_of(self, shard: Shard) -> str:
        """Return the URL of a shard."""
        return self._remote.place_of(shard.name)

    def remove(self, shard: Shard) -> None:
        """Remove the copy of a shard."""
        (self.folder / f'{shard.digest}-{shard.size}.tar').unlink(missing_ok=True)

    def _fetch(self, shard: Shard, file: Path) -> int:
        """Download a shard, if no other process has done so, and return a descriptor of the open file."""
        if shard.size > self.max_bytes:
            raise ConfigError(
                f'shard_cache: max_gb is {self.max_bytes / 1e9:g}, but shard {self.place_of(shard)} alone has '
                f'{shard.size / 1e9:g} GB'
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(file.with_suffix('.lock')):
            try:
                return os.open(file, os.O_RDONLY)
            except FileNotFoundError:
                pass
            partial = file.with_suffix('.partial')
            partial.unlink(missing_ok=True)  # of a process that was killed; it would count twice
            while not self._reserve(shard.size, partial):
                time.sleep(_WAIT)
            try:
                self._remote.download(shard.name, partial)
                if partial.stat().st_size != shard.size:
                    raise OSError(
                        errno.EIO, f'it has {partial.stat().st_size} bytes, not {shard.size}', self.place_of(shard)
                    )
                handle = os.open(partial, os.O_RDONLY)
                # While another process lists the copies, a file that gets its name could be missing in the list.
                with locked(self.folder / _LOCK):
                    partial.replace(file)
            finally:
                partial.unlink(missing_ok=True)
        self.downloads += 1
        return handle

    def _reserve(self, size: int, partial: Path) -> bool:
        """Remove copies until there is room, and create a file by which other processes count this download.

        Returns:
            False if downloads of other processes take up the room, so that it is necessary to wait for them.
        """
        with locked(self.folder / _LOCK):
            sizes, times = {}, {}
            for entry in os.scandir(self.folder):
                found = _NAME.fullmatch(entry.name)
                if found is None or (found[2] == 'partial' and self._was_abandoned(Path(entry.path))):
                    continue
                sizes[entry.path] = int(found[1])
                if found[2] == 'tar':
                    times[entry.path] = entry.stat().st_mtime_ns
            free = self.max_bytes - sum(sizes.values()) - size
            for path in sorted(times, key=lambda path: times[path]):
                if free >= 0:
                    break
                Path(path).unlink()
                free += sizes[path]
            if free >= 0:
                partial.touch()
            return free >= 0

    def _was_abandoned(self, partial: Path) -> bool:
        """Remove an incomplete file if the process that downloaded it was killed, and return whether it was."""
        with partial.with_suffix('.lock').open('ab') as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            partial.unlink(missing_ok=True)
            return True
