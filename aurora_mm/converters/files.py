"""Files of a converted data set: each written once, none over another, none through a link."""

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
from aurora_mm.images.image_files import read_bgr, read_data
from aurora_mm.images.image_header import BadImage, read_header


class FilePlacer:
    """Puts files below a folder; the same source may be placed at the same path again, another may not.

    Args:
        root: The folder.
        link: Make symbolic links to the source files instead of copies.
    """

    def __init__(self, root: Path, link: bool) -> None:
        self._root = root
        self._link = link
        self._owner_of: dict[str, str] = {}
        self._checked: set[Path] = set()

    def place(self, source: str | Path, path: str) -> None:
        """Copies (or links) a file to ``path`` below the root.

        Raises:
            DataError: If another file is there already, or ``source`` is no file.
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
        """The same for an image that must be an upright PNG of 8 bits, which every reader takes alike.

        Another one is written anew, as training reads it: see :func:`aurora_mm.images.image_files.read_bgr`.

        Raises:
            DataError: If another file is there already, or ``source`` is no image.
        """
        source = Path(source).resolve()
        try:
            header = read_header(read_data(source))
            if header.format == 'PNG' and header.bits <= 8 and header.orientation == 1:
                self.place(source, path)
            elif self.is_free(path, str(source)):
                pixels, _ = read_bgr(source)
                is_grey = (pixels == pixels[..., :1]).all()
                self.write_png(path, pixels[..., 0] if is_grey else pixels, str(source))
        except BadImage as bad:
            raise DataError(f'this image {bad}', file=source) from bad

    def place_mask(self, source: str | Path, path: str, mask: np.ndarray) -> None:
        """The same for the file of a mask, (H, W) uint8; one that mmseg would misread is written anew from it."""
        try:
            plain = is_plain_png(source)
        except BadImage as bad:
            raise DataError(str(bad), file=source) from bad
        if plain:
            self.place(source, path)
        elif self.is_free(path, str(Path(source).resolve())):
            self.write_png(path, mask, str(Path(source).resolve()))

    def write_png(self, path: str, pixels: np.ndarray, owner: str) -> None:
        """Writes an image losslessly to ``path`` below the root.

        Args:
            path: Of the file.
            pixels: (H, W) or (H, W, 3), of 8 or 16 bits.
            owner: What the file is made from, for messages.

        Raises:
            DataError: If a file is there already.
        """
        encoded, data = cv2.imencode('.png', pixels)
        if not encoded:
            raise DataError(f'{owner}: OpenCV cannot write it as PNG')
        with self._claim(path, owner).open('xb') as file:
            file.write(data.tobytes())

    def write_text(self, path: str, text: str) -> None:
        """Writes a text file to ``path`` below the root.

        Raises:
            DataError: If a file is there already.
        """
        with self._claim(path, path).open('x', encoding='utf-8', newline='') as file:
            file.write(text)

    def is_free(self, path: str, owner: str) -> bool:
        """Whether nothing was put at ``path`` yet; False if ``owner`` was.

        Raises:
            DataError: If something else was.
        """
        known = self._owner_of.get(path)
        if known not in (None, owner):
            raise DataError(f'{owner} and {known} would both become {path}')
        return known is None

    def has(self, path: str) -> bool:
        """Whether something was put at ``path``."""
        return path in self._owner_of

    def _claim(self, path: str, owner: str) -> Path:
        """The target of a new file, with the folders it stands in; neither it nor they may lead elsewhere by links."""
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
        # A link counts as there, even one that leads nowhere; a file system may also take A for a.
        if target.is_symlink() or target.exists():
            raise DataError(f'{owner} would become {path}, where a file is already')
        self._owner_of[path] = owner
        return target


def path_under_root(image_path: str) -> str:
    """A CSV's ``image_path``, which is relative to ``csv_files``, relative to the data root."""
    return posixpath.normpath(posixpath.join('csv_files', image_path.strip()))


def check_relative(name: Any, file: Path) -> str:
    """A path that leads nowhere but down from the folder it is relative to.

    Raises:
        DataError: If it does not, naming ``file``, in which it stands.
    """
    path = relative_path(name)
    if path is None:
        raise DataError(f'{name!r} is no path below the image folder', file=file)
    return path
