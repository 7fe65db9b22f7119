from __future__ import annotations

import logging
import os
import unicodedata
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from mmengine.logging import print_log

from aurora_mm.converters.splits import split_of
from aurora_mm.errors import DataError
from aurora_mm.images.reading import is_image_file
from aurora_mm.importing.table_file import TableFile
from aurora_mm.json_files import as_object, read_json_value

# With ~$ begin the names of lock files, which Excel keeps beside open workbooks.
_NOT_DATA = ('__macosx', 'thumbs.db', 'desktop.ini', 'dicomdir')


class Tree:
    """The files below a folder, as layouts look at them. Hidden files and links to folders are passed over.

    Args:
        root: The folder.

    Raises:
        DataError: If it is no folder, or there is no file in it.
    """

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise DataError('is no folder', file=root)
        self.root = root.absolute()
        self.files = sorted(self._walk())
        if not self.files:
            raise DataError('there is no file in this folder', file=root)
        self._tables: dict[PurePosixPath, TableFile] = {}
        self._json: dict[Path, Any] = {}

    def _walk(self) -> Iterator[PurePosixPath]:
        for folder, folders, names in os.walk(self.root):
            folders[:] = [name for name in folders if not _is_hidden(name)]
            below = Path(folder).relative_to(self.root)
            yield from (PurePosixPath(below / name) for name in names if not _is_hidden(name))

    @cached_property
    def images(self) -> list[PurePosixPath]:
        """The image files, see :func:`aurora_mm.images.reading.is_image_file`, sorted."""
        return [file for file in self.files if is_image_file(self.path(file))]

    @cached_property
    def images_of(self) -> dict[PurePosixPath, list[PurePosixPath]]:
        """The images of each folder that holds some, by the folder."""
        found: dict[PurePosixPath, list[PurePosixPath]] = {}
        for image in self.images:
            found.setdefault(image.parent, []).append(image)
        return found

    def table(self, file: PurePosixPath) -> TableFile:
        """The table of a file, read once.

        Raises:
            DataError: If it cannot be read.
            ConfigError: If what reads it is not installed.
        """
        if file not in self._tables:
            self._tables[file] = TableFile(self.path(file))
        return self._tables[file]

    def json(self, file: Path) -> Any:
        """The value in a JSON file, read once.

        Args:
            file: Its absolute path.

        Raises:
            DataError: See :func:`aurora_mm.json_files.read_json_value`.
        """
        if file not in self._json:
            self._json[file] = read_json_value(file)
        return self._json[file]

    def json_object(self, file: Path) -> dict[str, Any]:
        """The object in a JSON file, read once.

        Raises:
            DataError: As :meth:`json`; also if the file holds another value.
        """
        return as_object(self.json(file), file)

    def path(self, file: PurePosixPath) -> Path:
        """The absolute path of a file."""
        return self.root / file

    def ending(self, *suffixes: str) -> list[PurePosixPath]:
        """The files whose names end so, in any case of letters."""
        return [file for file in self.files if file.name.lower().endswith(suffixes)]

    def warn(self, text: str) -> None:
        """Log a warning about the folder, which its path begins."""
        print_log(f'{self.root}: {text}', logger='current', level=logging.WARNING)

    def summary(self) -> str:
        """How many files of which kind there are in which folders, for messages: a line for each folder, 20 at most."""
        counts: dict[tuple[str, str], int] = {}
        for file in self.files:
            key = (file.parent.as_posix(), ''.join(file.suffixes[-2:] if file.suffix == '.gz' else [file.suffix]))
            counts[key] = counts.get(key, 0) + 1
        lines = [f'  {folder}/: {count} x {end or "no suffix"}' for (folder, end), count in sorted(counts.items())]
        return '\n'.join(lines[:20]) + (f'\n  and {len(lines) - 20} more' if len(lines) > 20 else '')


def composed(name: str) -> str:
    """A name in the form in which Unicode writes a letter and its accent as one, which macOS takes apart."""
    return unicodedata.normalize('NFC', name)


def stem_of(file: PurePosixPath) -> str:
    """A file's name without its suffix; ``.nii.gz`` is one."""
    name = file.name
    return name[: -len('.nii.gz')] if name.lower().endswith('.nii.gz') else file.stem


def split_of_path(file: PurePosixPath) -> str:
    """'train', 'val' or 'test', by the first folder on the way to a file that ends so; '' if none does."""
    for part in file.parts[:-1]:
        if (found := split_of(part)) is not None:
            return found[0]
    return ''


def _is_hidden(name: str) -> bool:
    return name.startswith(('.', '~$')) or name.lower() in _NOT_DATA
