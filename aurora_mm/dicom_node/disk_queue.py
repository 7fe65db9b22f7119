from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aurora_mm.atomic_writes import remove_partial
from aurora_mm.errors import OutputError
from aurora_mm.files import whole_file


class QueueFull(Exception):
    """A queue holds as many files as it may."""


class DiskQueue:
    """Files that wait in a folder, so that they are still there after the process was ended or the power failed.

    Several threads may use a queue. One thread takes files from it.

    Args:
        folder: For the files; made if it is not there. Half-written files of a killed process are removed.
        most: Most files that wait.
    """

    def __init__(self, folder: Path, most: int = 1000) -> None:
        self.folder = folder
        self.most = most
        self._changed = threading.Condition()
        self._later: set[str] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            remove_partial(folder)
        except OSError as error:
            raise OutputError(f'cannot write {folder}: {error.strerror}') from error

    def __len__(self) -> int:
        return len(self._files())

    @contextmanager
    def put(self, name: str) -> Iterator[Path]:
        """Add a file, or replace the one of this name.

        Args:
            name: Of the file.

        Yields:
            A file to write to. It is added at the end of the block, unless the block raises.

        Raises:
            QueueFull: If as many files wait as may.
            OutputError: If it cannot be written.
        """
        if len(self) >= self.most and not (self.folder / name).exists():
            raise QueueFull
        with whole_file(self.folder / name) as partial:
            yield partial
        with self._changed:
            self._later.discard(name)
            self._changed.notify_all()

    def first(self) -> Path | None:
        """Return the file that has waited longest, but for those that are to be tried later; None if there is none."""
        waiting = [file for file in self._files() if file.name not in self._later]
        return min(waiting, key=_age, default=None)

    def wait(self, seconds: float | None = None) -> None:
        """Wait until a file is added or :meth:`wake` is called.

        Args:
            seconds: Wait no longer than that. None waits for ever.
        """
        with self._changed:
            if self.first() is None:
                self._changed.wait(seconds)

    def wake(self) -> None:
        """End all waiting."""
        with self._changed:
            self._changed.notify_all()

    def try_later(self, file: Path) -> None:
        """Pass over a file until :meth:`retry`."""
        self._later.add(file.name)

    def retry(self) -> None:
        """Give back the files that were to be tried later."""
        self._later.clear()

    def _files(self) -> list[Path]:
        return [file for file in self.folder.iterdir() if not file.name.startswith('.') and file.is_file()]


def _age(file: Path) -> tuple[int, str]:
    try:
        return os.stat(file).st_mtime_ns, file.name  # noqa: PTH116 (a race with its removal is no fault)
    except FileNotFoundError:
        return 0, file.name
