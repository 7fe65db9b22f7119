"""Files of labels that list many images, as annotation tools export them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from aurora_mm.errors import DataError
from aurora_mm.importing.tree import Tree

_MOST_FILES = 20  # a folder with more has one beside each image


def json_files(tree: Tree) -> dict[PurePosixPath, Any]:
    """Return the content of the JSON files of a folder; none if it has more than 20, or of a file that
    cannot be read."""
    files = tree.ending('.json')
    found = {}
    for file in files if len(files) <= _MOST_FILES else ():
        try:
            found[file] = tree.json(tree.path(file))
        except DataError:
            continue  # a file of something else may hold what this package does not read
    return found


def json_files_that(tree: Tree, fits: Callable[[Any], bool]) -> dict[PurePosixPath, Any]:
    """Return the JSON files of a folder whose content fits, see :func:`json_files`."""
    return {file: content for file, content in json_files(tree).items() if fits(content)}
