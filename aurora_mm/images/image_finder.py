"""Which pictures the arguments of a command name."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from aurora_mm.images.image_header import BadImage
from aurora_mm.images.reading import is_image_file, open_image_file
from aurora_mm.images.sources import split_source


class Problem(NamedTuple):
    """What was left out.

    Args:
        source: A path, followed by ``#frame=N`` where one picture of several is meant; or a pattern.
        message: Why, in words that follow the source.
    """

    source: str
    message: str

    def __str__(self) -> str:
        return f'{self.source if self.source.strip() else repr(self.source)} {self.message}'


class FoundFile(NamedTuple):
    """A file and those of its pictures that are wanted.

    Args:
        path: Of the file.
        frames: Counted from 0; None where the file holds one picture.
    """

    path: str
    frames: Sequence[int] | None

    @property
    def num_pictures(self) -> int:
        """Number of pictures."""
        return 1 if self.frames is None else len(self.frames)


def find_files(
    inputs: Sequence[str | Path], recursive: bool = False, every: int = 1
) -> tuple[list[FoundFile], list[Problem]]:
    """Find the pictures that files, folders and patterns name.

    Args:
        inputs: A file, which is tried whatever its name; a file and ``#frame=N``; a folder, of which the image files
            are taken, sorted; or a pattern of paths with ``*``, ``?`` or ``[...]``, ``**`` for
            folders at any depth, where no file has that name.
        recursive: Whether folders below a folder are gone into; links to folders are not followed.
        every: Of files with several pictures, takes the first and every n-th after it.

    Returns:
        The files, each once, and what cannot be opened.
    """
    found: dict[str, FoundFile] = {}
    problems: list[Problem] = []
    for given in (os.fspath(path) for path in inputs):
        for source, message in _sources(given, recursive):
            if message:
                problems.append(Problem(source, message))
            elif source not in found:
                try:
                    found[source] = _open(source, every)
                except BadImage as bad:
                    problems.append(Problem(source, str(bad)))
    return list(found.values()), problems


def _sources(given: str, recursive: bool) -> Iterator[tuple[str, str]]:
    """Sources and '', or what is no image and why."""
    if os.path.isdir(given):  # noqa: PTH112 (Path.is_dir raises for names that are too long)
        yield from _in_folder(given, recursive)
    elif _is_pattern(given):
        matches = sorted(glob.glob(given, recursive=True))  # noqa: PTH207 (Path.glob takes no absolute pattern)
        if not matches:
            yield given, 'matches no file'
        for match in matches:
            if not Path(match).is_dir():
                yield match, ''
    else:
        yield given, ''


def _is_pattern(given: str) -> bool:
    return glob.has_magic(given) and '\0' not in given and not os.path.lexists(split_source(given)[0])


def _in_folder(folder: str, recursive: bool) -> Iterator[tuple[str, str]]:
    unread: list[tuple[str, str]] = []
    any_found = False
    for place, folders, names in os.walk(
        folder, onerror=lambda error: unread.append((error.filename, str(error.strerror)))
    ):
        folders[:] = sorted(name for name in folders if recursive and not name.startswith('.'))
        for path in (Path(place, name) for name in sorted(names) if not name.startswith('.')):
            if is_image_file(path):
                any_found = True
                yield str(path), ''
    for place, reason in unread:
        yield place, f'cannot be read ({reason})'
    if not any_found and not unread:
        yield folder, 'is a folder with no image in it' + ('' if recursive else '; --recursive looks into its folders')


def _open(source: str, every: int) -> FoundFile:
    path, frame = split_source(source)
    if os.path.exists(path) and not os.path.isfile(path):  # noqa: PTH110, PTH113 (as above)
        raise BadImage('is no file')  # a pipe or a device, of which reading may never end
    count = open_image_file(path).frames
    if count < 1:
        raise BadImage('holds no picture')
    if frame is not None:
        return FoundFile(str(path), [frame])
    return FoundFile(str(path), None if count == 1 else range(0, count, every))
