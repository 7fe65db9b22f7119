"""Some of the images of a source, by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from aurora_mm.errors import DataError
from aurora_mm.importing.found import FoundTask
from aurora_mm.importing.tree import stem_of
from aurora_mm.utils import first_few

_MOST_NAMED = 5


def select_images(
    found: Sequence[FoundTask], images: Mapping[str, Sequence[str]], root: Path, source: str
) -> list[FoundTask]:
    """Take some of the images of tasks, in the order in which they are named.

    Args:
        found: The tasks.
        images: Names of images by the split that they go to. A name is the path below ``root`` without suffix, or the
            end of that path; ``*`` stands for anything within a name.
        root: The folder of the source.
        source: Its name, for messages.

    Returns:
        The tasks that have such images, with these rows alone.

    Raises:
        DataError: If a name fits no image, or without ``*`` several, or an image is named twice.
    """
    names = _Names({row.image for item in found for row in item.rows}, root)
    split_of: dict[str, str] = {}
    missing = []
    for split, wanted in images.items():
        for name in wanted:
            chosen = names.fitting(name)
            if not chosen:
                missing.append(name)
            if len(chosen) > 1 and '*' not in name:
                raise DataError(f'{name!r} names {chosen[0]} and {chosen[1]}; write more of the path', file=root)
            for image in chosen:
                if image in split_of:
                    raise DataError(f'is named twice, by {name!r} too', file=image)
                split_of[image] = split
    if missing:
        listed = first_few([repr(name) for name in missing], _MOST_NAMED)
        raise DataError(
            f'{len(missing)} of the images that are taken from {source} are not there or have no label: {listed}',
            file=root,
        )
    position = {image: index for index, image in enumerate(split_of)}
    chosen_tasks = []
    for item in found:
        rows = [replace(row, split=split_of[row.image]) for row in item.rows if row.image in split_of]
        rows.sort(key=lambda row: position[row.image])
        if rows:
            chosen_tasks.append(replace(item, rows=rows))
    return chosen_tasks


class _Names:
    """Images by what they may be called.

    Args:
        images: Paths, with ``#frame=N`` where a file has several images.
        root: The folder that names are relative to.
    """

    def __init__(self, images: Iterable[str], root: Path) -> None:
        root = root.absolute()
        self._images_of: dict[str, list[str]] = {}
        for image in sorted(images):
            file, mark, frame = image.partition('#frame=')
            below = PurePosixPath(Path(file).relative_to(root) if Path(file).is_relative_to(root) else file)
            parts = [*below.parts[:-1], stem_of(below) + mark + frame]
            for start in range(len(parts)):
                self._images_of.setdefault('/'.join(parts[start:]), []).append(image)

    def fitting(self, name: str) -> list[str]:
        """Return the images that a name fits, in alphabetical order."""
        if '*' not in name:
            return self._images_of.get(name, [])
        pattern = re.compile('[^/]*'.join(map(re.escape, name.split('*'))))
        found = [image for key, images in self._images_of.items() if pattern.fullmatch(key) for image in images]
        return sorted(set(found))
