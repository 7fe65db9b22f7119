"""Image files of a converted data set: each placed once, none over another."""

from __future__ import annotations

import json
import posixpath
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from aurora_mm.datasets.masks import read_mask
from aurora_mm.errors import DataError


class FilePlacer:
    """Puts files below a folder; the same source may be placed at the same path again, another may not.

    Args:
        root: The folder. link: Make symbolic links to the source files instead of copies.
    """

    def __init__(self, root: Path, link: bool) -> None:
        self._root = root
        self._link = link
        self._source_of: dict[str, Path] = {}

    def place(self, source: str | Path, path: str) -> None:
        """Copies (or links) a file to ``path`` below the root."""
        source = Path(source).resolve()
        if self._is_new(source, path):
            if self._link:
                (self._root / path).symlink_to(source)
            else:
                shutil.copyfile(source, self._root / path)

    def place_png(self, source: str | Path, path: str) -> None:
        """The same for a file that must be a PNG: another format is decoded and written anew, its pixels unchanged."""
        source = Path(source).resolve()
        if source.suffix.lower() == '.png':
            self.place(source, path)
        elif self._is_new(source, path):
            write_png(self._root / path, cv2.imread(str(source), cv2.IMREAD_UNCHANGED))

    def place_mask(self, source: str | Path, path: str, mask: np.ndarray) -> None:
        """The same for the file of a mask (H, W); one of several channels, which mmseg cannot read, is written anew."""
        source = Path(source).resolve()
        stored = read_mask(source)
        if source.suffix.lower() == '.png' and stored is not None and stored.ndim == 2:
            self.place(source, path)
        elif self._is_new(source, path):
            write_png(self._root / path, mask)

    def _is_new(self, source: Path, path: str) -> bool:
        known = self._source_of.setdefault(path, source)
        if known != source:
            raise DataError(f'{source} and {known} would both become {path}')
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        return not target.is_file()


def write_png(file: Path, pixels: np.ndarray) -> None:
    """Writes an image losslessly, with the folders it stands in."""
    file.parent.mkdir(parents=True, exist_ok=True)
    _, data = cv2.imencode('.png', pixels)
    file.write_bytes(data.tobytes())


def path_under_root(image_path: str) -> str:
    """A CSV's ``image_path``, which is relative to ``csv_files``, relative to the data root."""
    return posixpath.normpath(posixpath.join('csv_files', image_path.strip()))


def check_relative(name: Any, file: Path) -> str:
    """A path that leads nowhere but down from the folder it is relative to.

    Raises:
        DataError: If it does not, naming ``file``, in which it stands.
    """
    if not isinstance(name, str) or not name or posixpath.normpath(name).startswith(('/', '..')):
        raise DataError(f'{name!r} is no path below the image folder', file=file)
    return posixpath.normpath(name)


def read_json(file: Path) -> dict[str, Any]:
    """A JSON file that holds an object.

    Raises:
        DataError: If it cannot be read as one.
    """
    try:
        content = json.loads(file.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise DataError(f'not a JSON file ({error})', file=file) from error
    if not isinstance(content, dict):
        raise DataError(f'holds a {type(content).__name__}, not an object', file=file)
    return content
