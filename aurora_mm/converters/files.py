"""Writes the files of a converted data set, without overwriting files or following links."""

from __future__ import annotations

import posixpath
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from aurora_mm.datasets.coco_file import relative_path
from aurora_mm.datasets.masks import is_plain_png
from aurora_mm.errors import DataError
from aurora_mm.images.image_faults import naming
from aurora_mm.images.image_files import read_bgr, read_data
from aurora_mm.images.image_header import BadImage, read_header
from aurora_mm.images.shared_channels import without_equal_channels


class FilePlacer:
    """Writes files to a folder. Two different sources must not have the same target.

    Args:
        root: The folder. All target paths are relative to it.
        link: Whether to create symbolic links to the source files instead of copies.
    """

    def __init__(self, root: Path, link: bool) -> None:
        self._root = root
        self._link = link
        self._owner_of: dict[str, str] = {}
        self._checked: set[Path] = set()

    def place(self, source: str | Path, path: str) -> None:
        """Copy or link a file. If the same source was already placed at the path, nothing happens.

        Args:
            source: Path of the source file.
            path: Target path relative to the root.

        Raises:
            DataError: If another file already is at the path, or ``source`` is not a file.
        """
        source = Path(source).resolve()
        if not source.is_file():
            raise DataError('there is no such file', file=source)
        if not self.is_free(path, str(source)):
            return
        target = self._claim(path, str(source))
        if self._link:
            target.symlink_to(source)
        else:
            shutil.copyfile(source, target)

    def place_png(self, source: str | Path, path: str) -> None:
        """Copy or link an image, or convert it if it is not an upright 8-bit PNG file.

        Converted images are the same as training reads them, see :func:`aurora_mm.images.image_files.read_bgr`.

        Args:
            source: Path of the source image.
            path: Target path relative to the root, ``*.png``.

        Raises:
            DataError: If another file already is at the path, or ``source`` is not an image.
        """
        source = Path(source).resolve()
        with naming(source):
            header = read_header(read_data(source))
            if header.format == 'PNG' and header.bits <= 8 and header.orientation == 1:
                self.place(source, path)
            elif self.is_free(path, str(source)):
                pixels, _ = read_bgr(source)
                self.write_png(path, without_equal_channels(pixels), str(source))

    def place_mask(self, source: str | Path, path: str, mask: np.ndarray) -> None:
        """Copy or link a mask file, or write its class indices if mmseg would not read the file correctly.

        Args:
            source: Path of the source file.
            path: Target path relative to the root, ``*.png``.
            mask: (H, W) uint8 class indices of the source file.

        Raises:
            DataError: If another file already is at the path, or ``source`` is not an image.
        """
        try:
            plain = is_plain_png(source)
        except BadImage as bad:
            raise DataError(str(bad), file=source) from bad
        if plain:
            self.place(source, path)
        elif self.is_free(path, str(Path(source).resolve())):
            self.write_png(path, mask, str(Path(source).resolve()))

    def write_png(self, path: str, pixels: np.ndarray, owner: str) -> None:
        """Write an image as a PNG file.

        Args:
            path: Target path relative to the root.
            pixels: (H, W) grey or (H, W, 3) BGR, uint8 or uint16.
            owner: Source of the image, for error messages.

        Raises:
            DataError: If a file already is at the path.
        """
        encoded, data = cv2.imencode('.png', pixels)
        if not encoded:
            raise DataError(f'{owner}: OpenCV cannot write it as PNG')
        with self._claim(path, owner).open('xb') as file:
            file.write(data.tobytes())

    def write_text(self, path: str, text: str) -> None:
        """Write a text file in UTF-8.

        Args:
            path: Target path relative to the root.
            text: The content.

        Raises:
            DataError: If a file already is at the path.
        """
        with self._claim(path, path).open('x', encoding='utf-8', newline='') as file:
            file.write(text)

    def is_free(self, path: str, owner: str) -> bool:
        """Return whether no file was written to a path yet. False if it was written from the same source.

        Args:
            path: Target path relative to the root.
            owner: Source of the file.

        Raises:
            DataError: If a file from another source was written to the path.
        """
        known = self._owner_of.get(path)
        if known not in (None, owner):
            raise DataError(f'{owner} and {known} would both become {path}')
        return known is None

    def has(self, path: str) -> bool:
        """Return whether a file was written to a path."""
        return path in self._owner_of

    def _claim(self, path: str, owner: str) -> Path:
        """Reserve a path for a new file and create its folders. Links that lead out of the root are an error."""
        self.is_free(path, owner)
        target = self._root / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise DataError(f'{owner} would become {path}, but a part of that path is a file already') from error
        if target.parent not in self._checked:
            if not target.parent.resolve().is_relative_to(self._root.resolve()):
                raise DataError(f'{owner} would become {path}, which a link leads out of the new folder')
            self._checked.add(target.parent)
        # Broken links count as files. On some file systems, upper and lower case are the same.
        if target.is_symlink() or target.exists():
            raise DataError(f'{owner} would become {path}, where a file is already')
        self._owner_of[path] = owner
        return target


def path_under_root(image_path: str) -> str:
    """Convert ``image_path`` of a CSV file, which is relative to ``csv_files``, to a path relative to the data root."""
    return posixpath.normpath(posixpath.join('csv_files', image_path.strip()))


def check_relative(name: Any, file: Path) -> str:
    """Normalize a relative path that stays inside the folder it is relative to.

    Args:
        name: The path.
        file: The file that contains the path, for the error message.

    Raises:
        DataError: If it is not such a path.
    """
    path = relative_path(name)
    if path is None:
        raise DataError(f'{name!r} is no path below the image folder', file=file)
    return path
