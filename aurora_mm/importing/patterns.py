"""Patterns of files in which ``{id}``, ``{class}``, ``{split}`` and ``{group}`` stand for parts of names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from aurora_mm.errors import DataError
from aurora_mm.importing.tree import Tree

PLACES = ('id', 'class', 'split', 'group')
_PLACES = re.compile(rf'\{{({"|".join(PLACES)})\}}|(\*)')


def fitting_images(tree: Tree, pattern: str) -> list[tuple[PurePosixPath, dict[str, str]]]:
    """Return the images of a folder that fit a pattern, with what stands in its places.

    Args:
        tree: The folder.
        pattern: A path below the folder. A place, or ``*``, stands for anything within a name; a place that stands in
            it twice stands for the same text.
    """
    expression = _expression(pattern)
    matches = ((image, expression.fullmatch(image.as_posix())) for image in tree.images)
    return [(image, match.groupdict()) for image, match in matches if match]


def masks_by_key(tree: Tree, pattern: str) -> dict[tuple[str | None, ...], PurePosixPath]:
    """Return the masks that fit a pattern, by :func:`key_of` their places.

    Raises:
        DataError: If two masks have the same key.
    """
    found: dict[tuple[str | None, ...], PurePosixPath] = {}
    for mask, places in fitting_images(tree, pattern):
        if (other := found.setdefault(key_of(places), mask)) != mask:
            raise DataError(f'and {other} are the mask of one image', file=tree.path(mask))
    return found


def key_of(places: Mapping[str, str]) -> tuple[str | None, ...]:
    """Return what an image and its mask have in common: their id, split and group."""
    return tuple(places.get(place) for place in ('id', 'split', 'group'))


def _expression(pattern: str) -> re.Pattern[str]:
    parts, position, seen = [], 0, set()
    for match in _PLACES.finditer(pattern):
        parts.append(re.escape(pattern[position : match.start()]))
        name = match[1]
        parts.append('[^/]*' if name is None else f'(?P={name})' if name in seen else f'(?P<{name}>[^/]+?)')
        seen.add(name)
        position = match.end()
    return re.compile(''.join(parts) + re.escape(pattern[position:]))
