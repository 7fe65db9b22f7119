"""Files that a browser has sent. Nothing that a client says about a path is trusted."""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from aurora_mm.images.image_file import ImageFile
from aurora_mm.images.image_header import BadImage
from aurora_mm.images.meta_image import META_SUFFIXES
from aurora_mm.images.reading import open_image_file

_NAME_LENGTH = 80


class UploadFolder:
    """The only folder whose files are read for a client.

    Args:
        folder: An existing folder that nobody else writes to.
        hours: Files that are older are deleted by :meth:`forget_old`.
        kept: Names of folders in it that stay.
    """

    def __init__(self, folder: str | Path, hours: float = 1.0, kept: Collection[str] = ()) -> None:
        self.folder = Path(folder).resolve()
        self.hours = hours
        self.kept = kept

    def holds(self, path: str | Path) -> bool:
        """Whether a path is that of a file below the folder, after all links and ``..`` are followed."""
        try:
            real = Path(path).resolve(strict=True)
        except (OSError, ValueError, RuntimeError):  # a null character, or a circle of links
            return False
        return real.is_file() and real.is_relative_to(self.folder)

    def open(self, path: str | Path) -> ImageFile:
        """Open an uploaded image file. ``#frame=N`` is a part of its name like any other.

        Raises:
            BadImage: If it lies elsewhere, or cannot be read as an image, a clip or a volume.
        """
        if not self.holds(path):
            raise BadImage('was not uploaded')
        if str(path).lower().endswith(META_SUFFIXES):  # their headers may name other files
            raise BadImage('is a MetaImage file, which may name further files: convert it to NIfTI or PNG')
        return open_image_file(Path(path))

    def forget_old(self) -> None:
        """Delete files that nobody has written to for some time, and the folders that they leave empty."""
        latest = time.time() - 3600 * self.hours
        for path in sorted(self.folder.iterdir()):
            if path.name in self.kept:
                continue
            try:
                is_old = path.is_dir() and all(one.stat().st_mtime < latest for one in (path, *_files(path)))
            except FileNotFoundError:  # another request deletes it
                continue
            if is_old:
                shutil.rmtree(path, ignore_errors=True)


def shown_name(path: str | Path) -> str:
    """Return the name of an uploaded file as it is shown and written in results, without its folder and ``#``."""
    letters = (letter if letter.isprintable() and letter not in '#/\\' else '_' for letter in Path(path).name)
    name = ''.join(letters)
    return name if len(name) <= _NAME_LENGTH else f'{name[: _NAME_LENGTH - 11]}...{name[-8:]}'


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob('*') if path.is_file())
