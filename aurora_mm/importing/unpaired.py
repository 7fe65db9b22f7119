"""Images without a file of labels, and files of labels without an image."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import PurePosixPath

from aurora_mm.importing.tree import Tree


def tell_unpaired(tree: Tree, images: Collection[PurePosixPath], files: Iterable[PurePosixPath] = ()) -> None:
    """Log what is left out because its other half is not there.

    Args:
        tree: The folder.
        images: Its images that have labels.
        files: Its files of labels that have no image.
    """
    known = set(images)
    for lone, what in (
        ([image for image in tree.images if image not in known], 'images have no labels and are left out'),
        (list(files), 'files of labels have no image and are left out'),
    ):
        if lone:
            tree.warn(f'{len(lone)} {what}, such as {lone[0]}')
