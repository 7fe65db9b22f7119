from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aurora_mm.data_root import is_url
from aurora_mm.errors import AuroraError, ConfigError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem


class RemoteFolder:
    """A folder on another machine, which fsspec reads: ``s3://``, ``gs://``, ``az://``, ``https://``, ``file://`` ...

    Options of a protocol, such as the address of an S3 server, are those of fsspec's configuration: environment
    variables as ``FSSPEC_S3_ENDPOINT_URL``, or files in ``~/.config/fsspec``.

    Args:
        url: URL of the folder, or a path.

    Raises:
        ConfigError: If the URL names no folder.
    """

    def __init__(self, url: str) -> None:
        scheme, mark, path = url.partition('://')
        if mark and not path.strip('/'):  # s3:// without its slashes would be a folder of this machine
            raise ConfigError(f'{url} names no folder: {scheme}://PLACE is needed')
        self.url = url.rstrip('/') or '/'

    def place_of(self, name: str) -> str:
        """Return the URL of a file.

        Args:
            name: Path relative to the folder.
        """
        return f'{self.url}/{name}'

    def exists(self, name: str) -> bool:
        """Return whether there is a file or a folder.

        Raises:
            OSError: If it cannot be told.
        """
        with _named(self.place_of(name)):
            return bool(self._files.exists(f'{self._path}/{name}'))

    def names_in(self, folder: str) -> list[str]:
        """Return the sorted names of the files in a folder.

        Raises:
            OSError: If the folder cannot be read.
        """
        with _named(self.place_of(folder)):
            entries = self._files.ls(f'{self._path}/{folder}', detail=True, refresh=True)
        return sorted(entry['name'].rpartition('/')[2] for entry in entries if entry['type'] == 'file')

    def version(self, name: str) -> str:
        """Return a text that changes if a file changes.

        Raises:
            OSError: If the file cannot be found.
        """
        with _named(self.place_of(name)):
            return str(self._files.ukey(f'{self._path}/{name}'))

    def download(self, name: str, path: Path) -> None:
        """Copy a file to this machine.

        Raises:
            OSError: If it cannot be read.
        """
        with _named(self.place_of(name)):
            self._files.get_file(f'{self._path}/{name}', str(path))

    def upload(self, path: Path, name: str) -> None:
        """Copy a file of this machine to the folder.

        Raises:
            OSError: If it cannot be written.
        """
        target = f'{self._path}/{name}'
        with _named(self.place_of(name)):
            self._files.makedirs(target.rpartition('/')[0], exist_ok=True)
            self._files.put_file(str(path), target)

    @property
    def _files(self) -> AbstractFileSystem:
        # Looked up each time: fsspec makes a new one in a forked process, which must not use a parent's connections.
        return self._found()[0]

    @cached_property
    def _path(self) -> str:
        return str(self._found()[1]).rstrip('/')

    def _found(self) -> Any:
        from fsspec.core import url_to_fs
        from fsspec.implementations.local import LocalFileSystem

        if not is_url(self.url):
            return LocalFileSystem(), str(Path(self.url).absolute())  # a :: in a path would chain file systems
        try:
            return url_to_fs(self.url)
        except ImportError as error:
            raise ConfigError(
                f"{self.url} cannot be read: {error}; `pip install 'aurora_mm[remote]'` brings s3:// and https://"
            ) from error
        except (ValueError, TypeError, AttributeError) as error:  # TypeError: a protocol that needs further options
            raise ConfigError(f'{self.url} cannot be read: {error}') from error


@contextmanager
def _named(url: str) -> Iterator[None]:
    """Give errors of a remote folder a number and a file name, by which they are tried again and reported."""
    try:
        yield
    except AuroraError:
        raise
    except OSError as error:
        if error.filename is not None:
            raise
        is_absent = isinstance(error, FileNotFoundError)
        number = errno.ENOENT if is_absent else error.errno or errno.EIO
        raise OSError(number, 'No such file or directory' if is_absent else str(error), url) from error
    except Exception as error:  # each protocol has its package, with classes of its own: botocore, aiohttp, httpx ...
        raise OSError(errno.EIO, f'{type(error).__name__}: {error}', url) from error
