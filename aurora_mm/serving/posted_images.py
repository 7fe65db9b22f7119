"""The images in the files that a client posts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from aurora_mm.images.image_file import ImageFile
from aurora_mm.images.image_finder import Problem
from aurora_mm.images.image_header import BadImage
from aurora_mm.images.sources import frame_source
from aurora_mm.images.ultrasound_image import UltrasoundImage
from aurora_mm.serving.request_files import Asked, PostedFile
from aurora_mm.web.uploads import UploadFolder

UNREADABLE = 'unreadable_image'
TOO_LARGE = 'image_too_large'


class LeftOut(NamedTuple):
    """A file or an image that is not predicted.

    Args:
        problem: Its source and why.
        code: The error if it is the only one.
    """

    problem: Problem
    code: str = UNREADABLE


class PostedImages(NamedTuple):
    """The images of a file that are asked.

    Args:
        name: Name of the file.
        file: The opened file. It is used by one thread at a time.
        frames: Their numbers, counted from 0; [None] if the file holds one image.
    """

    name: str
    file: ImageFile
    frames: Sequence[int | None]

    def source(self, frame: int | None) -> str:
        """Return the source of an image, as ``predictions.json`` has it."""
        return self.name if frame is None else frame_source(self.name, frame)

    def read(self, frame: int | None, max_pixels: int) -> UltrasoundImage | LeftOut:
        """Read an image.

        Args:
            frame: One of ``frames``.
            max_pixels: Larger images are not decoded.
        """
        source = self.source(frame)
        try:
            height, width = self.file.shape(frame)
            if height * width > max_pixels:
                message = f'has {height} x {width} pixels; at most {max_pixels:,} are taken'
                return LeftOut(Problem(source, message), TOO_LARGE)
            return self.file.read(frame)
        except BadImage as bad:
            return LeftOut(Problem(source, _told(bad)))


def open_posted(folder: UploadFolder, posted: PostedFile, asked: Asked) -> PostedImages | LeftOut:
    """Open a file, and choose its images.

    Args:
        folder: The folder that the file lies in.
        posted: The file.
        asked: What the request asks.
    """
    try:
        file = folder.open(posted.path)
        count = file.frames
        if count < 1:
            raise BadImage('holds no picture')
        if count == 1:
            return PostedImages(posted.name, file, [None])
        if asked.frame is None:
            return PostedImages(posted.name, file, range(0, count, asked.every))
        if asked.frame >= count:
            raise BadImage(f'has no frame {asked.frame}: it has {count}, counted from 0')
        return PostedImages(posted.name, file, [asked.frame])
    except BadImage as bad:
        return LeftOut(Problem(posted.name, _told(bad)))


def count_images(files: Sequence[PostedImages | LeftOut]) -> int:
    """Count the images of files."""
    return sum(len(one.frames) for one in files if isinstance(one, PostedImages))


def _told(bad: BadImage) -> str:
    """Return the message of an error without what other libraries say: they may quote the header of the file."""
    return str(bad).partition(' (')[0]
