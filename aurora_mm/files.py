"""Functions that write files and folders atomically: completely or not at all.

All files of the package are written by these functions. The content is written to a hidden file in the same folder,
flushed to the disk, and then renamed to the target. Readers never see an incomplete file. If the disk is full, the
process is killed or the power fails, the file that was there before is kept.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError

from aurora_mm.errors import DataError, OutputError

_SUFFIX = '.partial'  # suffix of files that are being written
_SAFETENSORS_WRITES = 'Error while serializing: '
_THREADS = 16  # threads that flush the files of a folder; disks handle many requests at once
# Errors of network file systems that cannot flush a folder.
_NO_FOLDER_FLUSH = (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EISDIR)


@contextmanager
def whole_file(path: str | Path, flush: bool = True) -> Iterator[Path]:
    """Create a temporary file that replaces ``path`` at the end of the block, and is removed if the block raises.

    Args:
        path: The target file. Missing parent folders are created.
        flush: Whether to wait until the file is on the disk. False for files that can be made again: they may be
            incomplete if the power fails.

    Yields:
        Path of an empty file in the same folder. It must be written and closed within the block.

    Raises:
        OutputError: If the disk is full, the folder cannot be written, or the target is a folder.
    """
    path = Path(path)
    partial = _partial(path)
    with _named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.touch(exist_ok=False)
    try:
        with _named(path, within=partial):
            yield partial
        with _named(path):
            if flush:
                _flush(partial)
            partial.replace(path)
            if flush:
                _flush_names(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def write_bytes(path: str | Path, data: bytes, flush: bool = True) -> None:
    """Write a file atomically.

    Args:
        path: The target file.
        data: The content.
        flush: See :func:`whole_file`.

    Raises:
        OutputError: See :func:`whole_file`.
    """
    with whole_file(path, flush) as partial:
        partial.write_bytes(data)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file atomically, in UTF-8. Line ends are not changed.

    Args:
        path: The target file.
        text: The content.

    Raises:
        OutputError: See :func:`whole_file`.
    """
    write_bytes(path, text.encode('utf-8'))


def write_image(path: str | Path, pixels: NDArray[np.uint8]) -> None:
    """Write an image file atomically.

    Args:
        path: The target file, such as ``mask.png``. Its suffix determines the format.
        pixels: ``(H, W)`` grey or ``(H, W, 3)`` BGR, uint8.

    Raises:
        OutputError: See :func:`whole_file`; also if OpenCV cannot write the format.
    """
    suffix = Path(path).suffix
    try:
        encoded, data = cv2.imencode(suffix, pixels)
    except cv2.error as error:
        raise OutputError(f'cannot write {path}: OpenCV cannot write {suffix or "nameless"} images') from error
    if not encoded:
        raise OutputError(f'cannot write {path}: OpenCV cannot encode it')
    write_bytes(path, data.tobytes())


def write_figure(path: str | Path, figure: Any) -> None:
    """Write a figure of matplotlib atomically.

    Args:
        path: The target file. Its suffix determines the format.
        figure: The figure.

    Raises:
        OutputError: See :func:`whole_file`.
    """
    buffer = BytesIO()
    figure.savefig(buffer, format=Path(path).suffix.removeprefix('.') or None)
    write_bytes(path, buffer.getvalue())


def write_together(folder: str | Path, texts: Mapping[str, str]) -> None:
    """Write several text files that belong together, such that files of an old and a new set are never mixed.

    All files are completely written before the first one is renamed to its target. The last file is a sign of a
    complete set: the old one is removed before any file is replaced, and the new one is put in place last.

    Args:
        folder: The target folder.
        texts: Content by file name, in the order of writing.

    Raises:
        OutputError: See :func:`whole_file`.
    """
    folder = Path(folder)
    names = list(texts)
    with ExitStack() as stack:
        for name in reversed(names):  # the context that is entered last is left first
            partial = stack.enter_context(whole_file(folder / name))
            with _named(folder / name):
                partial.write_text(texts[name], encoding='utf-8', newline='')
                _flush(partial)
        with _named(folder / names[-1]):
            (folder / names[-1]).unlink(missing_ok=True)


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """Create a temporary folder that becomes ``out`` at the end of the block, and is removed if the block raises.

    Args:
        out: The target folder, or a link to it. It must not exist or be empty. Missing parent folders are created.

    Yields:
        Path of an empty folder with the same parent as the target folder.

    Raises:
        OutputError: If ``out`` exists and is not an empty folder, which is then not changed; also as
            :func:`whole_file`.
    """
    if out.is_symlink():
        out = Path(os.path.realpath(out))
    partial = _partial(out)
    with _named(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        partial.mkdir()
    try:
        with _named(out, within=partial):
            yield partial
        with _named(out):
            _flush_all(partial)
            if out.exists():
                out.rmdir()  # fails if the folder is not empty
            partial.rename(out)
            _flush_names(out.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def replaced_folder(out: Path) -> Iterator[Path]:
    """Put a new folder in the place of ``out``, which stays as it is until the new one is complete.

    Args:
        out: The target folder. It may exist.

    Yields:
        Path in the same parent, at which a folder must be created within the block. It is removed if the block raises.

    Raises:
        OutputError: As :func:`whole_file`.
    """
    new, old = _partial(out), _partial(out)
    try:
        yield new
        with _named(out):
            if out.exists():
                out.rename(old)
            try:
                new.rename(out)
            except OSError:
                if old.exists():
                    old.rename(out)
                raise
            _flush_names(out.parent)
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def require_new_folder(folder: Path) -> None:
    """Check that a folder that is to be written does not exist or is empty, before the work for it starts.

    Args:
        folder: The target folder.

    Raises:
        DataError: If it is a file, or a folder that is not empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError('stands in the way: data is written to a new or an empty folder', file=folder)


def folder_time(folder: str | Path) -> int | None:
    """Return when a file was last added to a folder, removed or renamed, in nanoseconds. None if it cannot be told."""
    try:
        return os.stat(folder).st_mtime_ns  # noqa: PTH116, there may be very many folders
    except (OSError, ValueError):
        return None


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


def _partial(path: Path) -> Path:
    return path.with_name(f'.{path.name[:64]}.{secrets.token_hex(4)}{_SUFFIX}')


def _flush(path: Path) -> None:
    """Wait until the content of a file is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _flush_names(folder: Path) -> None:
    """Wait until the list of files of a folder is on the disk, if the file system supports it."""
    try:
        _flush(folder)
    except OSError as error:
        if error.errno not in _NO_FOLDER_FLUSH:
            raise


def _flush_all(folder: Path) -> None:
    files: list[Path] = []
    folders: list[Path] = []
    for place, _, names in os.walk(folder):
        folders.append(Path(place))
        files += [path for name in names if not (path := Path(place, name)).is_symlink()]
    with ThreadPoolExecutor(_THREADS) as pool:
        _wait(pool.map(_flush, files))
        _wait(pool.map(_flush_names, folders))


def _wait(results: Iterable[None]) -> None:
    for _ in results:
        pass


@contextmanager
def _named(path: Path, within: Path | None = None) -> Iterator[None]:
    """Convert an OSError, or what safetensors raises in its place, to an OutputError that names the file.

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
