from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from aurora_mm.images.image_header import BadImage
from aurora_mm.images.shards.sharded_root import sharded_root_of
from aurora_mm.images.sources import frame_source
from aurora_mm.images.ultrasound_image import UltrasoundImage


class ImageFile(ABC):
    """A file that holds one picture or several: the base class of the readers, one for each family of formats.

    A reader keeps what it has read of its file, so that the frames of a clip are read in order at little cost. It is
    used by one thread.

    Args:
        path: Of the file.

    Raises:
        BadImage: If the file cannot be read as one of its formats.
    """

    suffixes: ClassVar[tuple[str, ...]] = ()
    """Ends of the names of such files, in small letters."""

    least_side: int | None = None
    """A reader may make a smaller picture while it decodes it, if both sides then have at least this many pixels."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def local_path(self) -> Path:
        """A file of its own with the content: ``path``, or a temporary copy of a file that is in a shard.

        Raises:
            BadImage: If the shard cannot be read.
        """
        root = sharded_root_of(self.path)
        if root is None:
            return self.path
        self._copy = tempfile.TemporaryDirectory(prefix='aurora_mm_')  # removed together with this object
        copy = Path(self._copy.name, self.path.name)
        copy.write_bytes(root.read(self.path))
        return copy

    @classmethod
    @abstractmethod
    def accepts(cls, path: Path, head: bytes) -> bool:
        """Whether a file is one of this reader's formats.

        Args:
            path: Of the file.
            head: Its first 1024 bytes, or all if it is shorter.
        """

    @property
    @abstractmethod
    def frames(self) -> int:
        """Number of pictures: frames of a clip, slices of a volume, pages of a document.

        Raises:
            BadImage: If the file does not say it truthfully.
        """

    def has_frame(self, frame: int) -> bool:
        """Whether there is a picture of this number, 0 or more. A reader that is slow to count may answer otherwise."""
        return frame < self.frames

    @property
    def orientation(self) -> int:
        """The EXIF orientation, 1 to 8, of a file with one picture; 1 for pictures that are stored upright."""
        return 1

    @abstractmethod
    def frame_shape(self, frame: int) -> tuple[int, int]:
        """(H, W) of one upright picture, without decoding it where the file says it.

        Raises:
            BadImage: If it cannot be told.
        """

    @abstractmethod
    def read_frame(self, frame: int, depth: int | None) -> UltrasoundImage:
        """One picture; its source is the bare path, which :meth:`read` completes.

        Args:
            frame: Counted from 0, one that is there.
            depth: Bits that values of more than 8 bits fill, where the file does not declare it; None goes by the file.

        Raises:
            BadImage: If it cannot be read.
        """

    def read(self, frame: int | None = None, depth: int | None = None) -> UltrasoundImage:
        """One picture.

        Args:
            frame: Counted from 0; may be left out where there is one only.
            depth: See :meth:`read_frame`.

        Raises:
            BadImage: If it cannot be read, there is no such frame, or it is not said which of several is meant.
        """
        image = self.read_frame(self._which(frame), depth)
        return image if frame is None else image._replace(source=frame_source(self.path, frame))

    def shape(self, frame: int | None = None) -> tuple[int, int]:
        """(H, W) of one upright picture; the argument and errors are those of :meth:`read`."""
        return self.frame_shape(self._which(frame))

    def _which(self, frame: int | None) -> int:
        if frame is None:
            if (count := self.frames) > 1:
                raise BadImage(
                    f'has {count} frames or pages; name the one that is meant, as {frame_source(self.path.name, 0)}'
                )
            return 0
        if frame < 0 or not self.has_frame(frame):
            raise BadImage(f'has no frame {frame}: it has {self.frames}, counted from 0')
        return frame
