from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from aurora_mm.errors import DataError
from aurora_mm.importing.shapes.shape import Shape


@dataclass(frozen=True)
class DrawnImage:
    """An image with all that a file of an annotation tool says about it.

    Args:
        image: Path of the image below the folder that is imported.
        file: The file of labels, for error messages.
        shapes: What was drawn, in the order in which it is painted.
        size: (height, width) that the file of labels lists; None if it lists none.
        split: 'train', 'val' or 'test'; '' if it is not split.
        is_alone: Whether the file of labels is of this image alone, so that messages need not name the image.
    """

    image: PurePosixPath
    file: Path
    shapes: Sequence[Shape]
    size: tuple[int, int] | None = None
    split: str = ''
    is_alone: bool = False

    def of_kind(self, kind: str) -> list[Shape]:
        """Return the shapes of a kind, see :class:`Shape`."""
        return [shape for shape in self.shapes if shape.kind == kind]

    def fault(self, message: str) -> DataError:
        """Return an error that names the file of labels and, where it is of several images, the image."""
        return DataError(message if self.is_alone else f'image {str(self.image)!r} {message}', file=self.file)
