"""The steps of an atomic write: a hidden path beside the target, a flush to the disk, errors that name the target."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from aurora_mm.errors import OutputError

_SUFFIX = '.partial'  # suffix of files and folders that are being written
_SAFETENSORS_WRITES = 'Error while serializing: '
# Errors of network file systems that cannot flush a folder.
_NO_FOLDER_FLUSH = (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EISDIR)


def partial_path(path: Path) -> Path:
    """Return a new hidden path beside a file or folder, at which it is written before it is renamed."""
    return path.with_name(f'.{path.name[:64]}.{secrets.token_hex(4)}{_SUFFIX}')


def flush_content(path: Path) -> None:
    """Wait until the content of a file is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def flush_names(folder: Path) -> None:
    """Wait until the list of files of a folder is on the disk, if the file system supports it."""
    try:
        flush_content(folder)
    except OSError as error:
        if error.errno not in _NO_FOLDER_FLUSH:
            raise


@contextmanager
def output_errors(path: Path, within: Path | None = None) -> Iterator[None]:
    """Convert an OSError, or what safetensors raises in its place, to an OutputError that names the target.

    Args:
        path: The file or folder that is written.
        within: If given, errors about files outside of this path, such as input files, are not converted.

    Raises:
        OutputError: Instead of an OSError.
    """
    try:
        yield
    except OSError as error:
        name = error.filename
        if within is not None and name is not None and not Path(os.fsdecode(name)).is_relative_to(within):
            raise
        raise OutputError(f'cannot write {path}: {error.strerror or error}') from error
    except SafetensorError as error:
        if not str(error).startswith(_SAFETENSORS_WRITES):  # it is about a file that is read
            raise
        raise OutputError(f'cannot write {path}: {str(error).removeprefix(_SAFETENSORS_WRITES)}') from error


def remove_partial(folder: str | Path) -> None:
    """Remove the temporary files and folders that a killed process left in a folder.

    Args:
        folder: A folder that no other process is writing to.
    """
    for partial in Path(folder).glob(f'.*{_SUFFIX}'):
        if partial.is_dir():
            shutil.rmtree(partial)
        else:
            partial.unlink(missing_ok=True)
