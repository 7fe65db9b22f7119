"""Files that are written whole or not at all.

Every file that the package writes goes through here. The content goes to a hidden file beside the target, is flushed to
the disk, and takes the target's name at the end: a reader never meets half of a file, and what stood there before stays
until the new content is safe, through a full disk, Ctrl-C, a killed process or a power cut.
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

from aurora_mm.errors import OutputError

_SUFFIX = '.partial'  # of what is still being written
_THREADS = 16  # that flush the files of a folder: a disk takes many at once
# How network file systems say that they cannot flush the list of names of a folder.
_NO_FOLDER_FLUSH = (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EISDIR)


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """A file to write to that takes the place of ``path`` when the block ends well, and goes when it does not.

    Args:
        path: The target. Folders above it are made.

    Yields:
        An empty file beside the target, to be written and closed within the block.

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
            _flush(partial)
            partial.replace(path)
            _flush_names(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def write_bytes(path: str | Path, data: bytes) -> None:
    """Writes a file whole or not at all, see :func:`whole_file`."""
    with whole_file(path) as partial:
        partial.write_bytes(data)


def write_text(path: str | Path, text: str) -> None:
    """As :func:`write_bytes`, in UTF-8 and with line ends as they are."""
    write_bytes(path, text.encode('utf-8'))


def write_image(path: str | Path, pixels: NDArray[np.uint8]) -> None:
    """Writes an image whole or not at all, in the format that the file's name ends with.

    Args:
        path: Such as ``mask.png``.
        pixels: ``(H, W)`` grey or ``(H, W, 3)`` BGR.

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
    """Writes a figure of matplotlib whole or not at all, in the format that the file's name ends with."""
    buffer = BytesIO()
    figure.savefig(buffer, format=Path(path).suffix.removeprefix('.') or None)
    write_bytes(path, buffer.getvalue())


def write_together(folder: str | Path, texts: Mapping[str, str]) -> None:
    """Writes text files that belong together, so that a folder never holds some of one set and some of another.

    All of them are on the disk before the first takes its place. The last file of an earlier set goes first and the new
    one comes last: where it is, the set is complete.

    Args:
        folder: Where to.
        texts: Content by file name.
    """
    folder = Path(folder)
    names = list(texts)
    with ExitStack() as stack:
        for name in reversed(names):  # what is entered last takes its place first
            partial = stack.enter_context(whole_file(folder / name))
            with _named(folder / name):
                partial.write_text(texts[name], encoding='utf-8', newline='')
                _flush(partial)
        with _named(folder / names[-1]):
            (folder / names[-1]).unlink(missing_ok=True)


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """A fresh sibling folder that takes the place of ``out`` when the block ends well and goes when it does not.

    Raises:
        OutputError: If ``out`` exists and is not an empty folder, which is left as it is; or as :func:`whole_file`.
    """
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
                out.rmdir()  # empty, or this fails and nothing is lost
            partial.rename(out)
            _flush_names(out.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def remove_partial(folder: str | Path) -> None:
    """Removes what a killed process left half written in a folder that no other process writes to."""
    for partial in Path(folder).glob(f'.*{_SUFFIX}'):
        partial.unlink(missing_ok=True)


def _partial(path: Path) -> Path:
    return path.with_name(f'.{path.name[:64]}.{secrets.token_hex(4)}{_SUFFIX}')


def _flush(path: Path) -> None:
    """Waits until a file's content is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _flush_names(folder: Path) -> None:
    """Waits until the names in a folder are on the disk, where its file system can."""
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
    """Turns an error of the operating system into a sentence with the file's name.

    Args:
        path: What is to be written.
        within: Errors that name another file than this one or one in it, such as an input, are left alone.
    """
    try:
        yield
    except OSError as error:
        name = error.filename
        if within is not None and name is not None and not Path(os.fsdecode(name)).is_relative_to(within):
            raise
        raise OutputError(f'cannot write {path}: {error.strerror or error}') from error
