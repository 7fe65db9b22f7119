"""The one reader of image files: every entry of the package reads pixels here."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from mmengine.logging import print_log

from aurora_mm.errors import DataError
from aurora_mm.images.dicom_file import DicomFile, is_dicom
from aurora_mm.images.image_file import ImageFile
from aurora_mm.images.image_header import BadImage
from aurora_mm.images.raster_file import RasterFile
from aurora_mm.images.shards.sharded_root import sharded_root_of
from aurora_mm.images.sources import frame_source, split_source
from aurora_mm.images.ultrasound_image import UltrasoundImage
from aurora_mm.images.video_file import VideoFile
from aurora_mm.images.volume_file import VolumeFile

READERS: tuple[type[ImageFile], ...] = (VolumeFile, DicomFile, VideoFile, RasterFile)
"""In the order in which they are asked; the first that accepts a file reads it."""

_HEAD = 1024  # first bytes of a file, by which its reader is chosen

SUFFIXES = tuple(suffix for reader in READERS for suffix in reader.suffixes)
"""Ends of the names of image files, in small letters."""


def is_image_file(path: str | Path) -> bool:
    """Return whether a file that lies in a folder is an image, a clip or a volume, which its name says.

    Scanners and archives export DICOM files without a suffix, such as ``IM000001``, or named by a UID, whose last
    number looks like a suffix. Such a file is an image if it begins as DICOM files do. ``DICOMDIR``, the list of the
    files of a medium, is none.

    Args:
        path: Of the file, which need not be readable.
    """
    path = Path(path)
    name = path.name.lower()
    if name.endswith(SUFFIXES):
        return True
    has_suffix = bool(path.suffix.strip('.0123456789'))
    return not has_suffix and name != 'dicomdir' and path.is_file() and is_dicom(path)


def open_image_file(path: str | Path) -> ImageFile:
    """The reader of a file, chosen by its first bytes and its name.

    Args:
        path: Of the file, without a frame.

    Raises:
        BadImage: If the file cannot be read as an image, a clip or a volume.
    """
    path = Path(path)
    root = sharded_root_of(path)
    if root is not None:
        head = root.read_start(path, _HEAD)
    else:
        try:
            with path.open('rb', buffering=0) as file:
                head = file.read(_HEAD)
        except (OSError, ValueError) as error:  # ValueError: a null character in the path
            raise BadImage(f'cannot be read ({getattr(error, "strerror", None) or error})') from error
    return next(reader for reader in READERS if reader.accepts(path, head))(path)


def read_image(source: str | Path, depth: int | None = None, least_side: int | None = None) -> UltrasoundImage:
    """One picture.

    Args:
        source: A path; of a file with several pictures, followed by ``#frame=N``, counted from 0.
        depth: Bits that values of more than 8 bits fill, where the files do not declare it; None goes by each file.
        least_side: A JPEG file is reduced to 1/2, 1/4 or 1/8 while it is decoded, if both sides then have at least this
            many pixels. None never reduces.

    Raises:
        BadImage: If it cannot be read, or it is not said which of several pictures is meant.
    """
    path, frame = split_source(source)
    file = open_image_file(path)
    file.least_side = least_side
    return file.read(frame, depth)


def read_shape(source: str | Path) -> tuple[int, int]:
    """(H, W) of an upright picture, without decoding it where its file says so.

    Raises:
        BadImage: As :func:`read_image`.
    """
    path, frame = split_source(source)
    return open_image_file(path).shape(frame)


def frame_sources(path: str | Path, every: int = 1) -> list[str]:
    """The sources of a file's pictures: the path itself where there is one only.

    Args:
        path: Of the file; a source that names its frame is given back alone.
        every: Takes the first frame and every n-th after it.

    Raises:
        BadImage: If the file cannot be opened.
    """
    bare, frame = split_source(path)
    if frame is not None:
        return [str(path)]
    count = open_image_file(bare).frames
    return [str(path)] if count == 1 else [frame_source(path, number) for number in range(0, count, every)]


def read_frames(path: str | Path, every: int = 1, depth: int | None = None) -> Iterator[UltrasoundImage]:
    """A file's pictures in order, its file opened once.

    Args:
        path: Of the file, without a frame.
        every: Takes the first frame and every n-th after it.
        depth: See :func:`read_image`.

    Raises:
        BadImage: If the file cannot be opened or a frame cannot be read.
    """
    file = open_image_file(path)
    if file.frames == 1:
        yield file.read(None, depth)
        return
    for number in range(0, file.frames, every):
        yield file.read(number, depth)


def images_in(folder: str | Path) -> list[str]:
    """The image files of a folder, see :func:`is_image_file`, sorted; the log names what else is in it.

    Hidden files are passed over.

    Args:
        folder: Not gone into further.

    Raises:
        DataError: If there is none.
    """
    entries = sorted(path for path in Path(folder).iterdir() if not path.name.startswith('.'))
    images = [str(path) for path in entries if path.is_file() and is_image_file(path)]
    others = [path.name for path in entries if str(path) not in images]
    if others:
        print_log(
            f'{folder}: {len(others)} entries are no image files and left out: {", ".join(others[:5])}',
            logger='current',
            level=logging.WARNING,
        )
    if not images:
        raise DataError(f'no image in this folder: none of {", ".join(SUFFIXES)}, no DICOM file', file=folder)
    return images
