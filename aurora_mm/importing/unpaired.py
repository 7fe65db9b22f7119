"""What an import leaves out: images without labels, files of labels without an image, and others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
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
    tell_left_out(tree, [image for image in tree.images if image not in known], 'images have no labels and are')
    tell_left_out(tree, list(files), 'files of labels have no image and are')


def tell_left_out(tree: Tree, files: Sequence[PurePosixPath], what: str) -> None:
    """Log that files are left out, with their number and the first of them; nothing if there are none.

    Args:
        tree: The folder.
        files: The files.
        what: What they are, between their number and 'left out'.
    """
    if files:
        tree.warn(f'{len(files)} {what} left out, such as {files[0]}')
