from __future__ import annotations

from pathlib import Path, PurePosixPath

from aurora_mm.errors import DataError
from aurora_mm.importing.named_images import images_named
from aurora_mm.importing.tree import Tree


class ListedImages:
    """The images of a folder that files of labels name, each once.

    Args:
        tree: The folder.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._named = images_named(tree)
        self._file_of: dict[PurePosixPath, Path] = {}

    def find(self, name: str, file: PurePosixPath) -> PurePosixPath | None:
        """Return the image that a file of labels names; None if there is no such file.

        Of several, that in the folder of the file of labels or below is meant, and of these the one whose folder holds
        the others: a name without a folder is not that of an image in a folder further down.

        Args:
            name: A path, or the end of one.
            file: Path of the file of labels below the folder.

        Raises:
            DataError: If several images may be meant, or an image is named twice.
        """
        found = [image for image in self._named.find(name) if self._named.is_file(name)]
        if len(found) > 1:
            found = [image for image in found if file.parent in image.parents] or found
        if len(found) > 1:
            top = [image for image in found if all(image.parent in (o.parent, *o.parent.parents) for o in found)]
            found = top if len(top) == 1 else found
        if len(found) > 1:
            raise DataError(f'image {name!r} may be {found[0]} or {found[1]}', file=self._tree.path(file))
        if not found:
            return None
        labels = self._tree.path(file)
        if found[0] in self._file_of:
            other = self._file_of[found[0]]
            text = 'is listed twice' if other == labels else f'is listed by {other} too; remove one of the files'
            raise DataError(f'image {str(found[0])!r} {text}', file=labels)
        self._file_of[found[0]] = labels
        return found[0]

    def require(self, name: str, file: PurePosixPath) -> PurePosixPath:
        """Return the image that a file of labels names, as :meth:`find`.

        Raises:
            DataError: Also if there is no such file.
        """
        if (image := self.find(name, file)) is None:
            raise DataError(f'lists the image {name!r}, which is not in {self._tree.root}', file=self._tree.path(file))
        return image

    def tell_unlisted(self) -> None:
        """Log how many images of the folder no file of labels has named."""
        unlisted = [image for image in self._tree.images if image not in self._file_of]
        if unlisted:
            text = f'{len(unlisted)} images are named by no file of labels and left out, such as {unlisted[0]}'
            self._tree.warn(text)
