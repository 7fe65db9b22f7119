"""Functions that write folders atomically: completely or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from aurora_mm.atomic_writes import flush_content, flush_names, output_errors, partial_path
from aurora_mm.errors import DataError

_THREADS = 16  # threads that flush the files of a folder; disks handle many requests at once


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """Create a temporary folder that becomes ``out`` at the end of the block, and is removed if the block raises.

    Args:
        out: The target folder, or a link to it. It must not exist or be empty. Missing parent folders are created.

    Yields:
        Path of an empty folder with the same parent as the target folder.

    Raises:
        OutputError: If ``out`` exists and is not an empty folder, which is then not changed; also as
            :func:`aurora_mm.files.whole_file`.
    """
    if out.is_symlink():
        out = Path(os.path.realpath(out))
    partial = partial_path(out)
    with output_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        partial.mkdir()
    try:
        with output_errors(out, within=partial):
            yield partial
        with output_errors(out):
            _flush_all(partial)
            if out.exists():
                out.rmdir()  # fails if the folder is not empty
            partial.rename(out)
            flush_names(out.parent)
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
        OutputError: As :func:`aurora_mm.files.whole_file`.
    """
    new, old = partial_path(out), partial_path(out)
    try:
        yield new
        with output_errors(out):
            if out.exists():
                out.rename(old)
            try:
                new.rename(out)
            except OSError:
                if old.exists():
                    old.rename(out)
                raise
            flush_names(out.parent)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(new, ignore_errors=True)


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


def _flush_all(folder: Path) -> None:
    files: list[Path] = []
    folders: list[Path] = []
    for place, _, names in os.walk(folder):
        folders.append(Path(place))
        files += [path for name in names if not (path := Path(place, name)).is_symlink()]
    with ThreadPoolExecutor(_THREADS) as pool:
        _wait(pool.map(flush_content, files))
        _wait(pool.map(flush_names, folders))


def _wait(results: Iterable[None]) -> None:
    for _ in results:
        pass
