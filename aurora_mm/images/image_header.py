"""What an image file declares of its pixels: format, pages, depth and orientation."""

from __future__ import annotations

import io
import struct
import zlib
from typing import NamedTuple

import numpy as np
from PIL import Image

from aurora_mm.images.png_chunks import plain_png, png_chunks
from aurora_mm.images.tiff_tags import is_tiff, read_tiff_tags

MOST_PIXELS = 2 * (Image.MAX_IMAGE_PIXELS or 89_478_485)  # Pillow's own limit

# All that Pillow's readers raise on broken files; they have no common base class.
PILLOW_ERRORS = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError),
    *(RuntimeError, SystemError, AssertionError, struct.error, zlib.error),
)
_ORIENTATION = 274  # EXIF's tag
_PNG_CHUNKS_WITH_EXIF = {b'eXIf', b'tEXt', b'zTXt', b'iTXt'}  # ImageMagick writes it as text
_JPEG_IN_TIFF = (6, 7, 33003, 33005, 34712)  # TIFF's numbers of JPEG and JPEG 2000


class BadImage(Exception):
    """What is wrong with an image file or array; whoever knows the row adds the place."""


class ImageHeader(NamedTuple):
    """What an image file declares.

    Args:
        format: Pillow's name of the format, '' if Pillow does not know it.
        mode: Pillow's name of the kind of pixels: '1', 'L', 'P', 'RGB' ...; of TIFF files 'P' or ''.
        shape: (H, W) of the picture as it is stored.
        pages: Pages, or frames of an animation.
        orientation: How the picture must be turned or mirrored to be upright, 1 (not at all) to 8, as EXIF counts.
        bits: Bits of a stored value.
        significant_bits: How many of them hold the picture, if the file says so.
        white_is_zero: Whether the value 0 means white.
        plain: Whether it is a PNG file without anything unusual, see :func:`aurora_mm.images.png_chunks.plain_png`.
    """

    format: str
    mode: str
    shape: tuple[int, int]
    pages: int = 1
    orientation: int = 1
    bits: int = 8
    significant_bits: int | None = None
    white_is_zero: bool = False
    plain: bool = False


UNKNOWN = ImageHeader('', '', (0, 0))


def read_header(data: bytes) -> ImageHeader:
    """The header of an image file; :data:`UNKNOWN` if Pillow cannot read it.

    Args:
        data: The whole file.

    Raises:
        BadImage: If the picture has more than :data:`MOST_PIXELS` pixels.
    """
    try:
        if is_tiff(data):
            return _tiff_header(data)
        plain = plain_png(data)
        if plain is not None and plain.shape[0] * plain.shape[1] <= MOST_PIXELS:
            return ImageHeader('PNG', *plain, plain=True)
        with Image.open(io.BytesIO(data)) as image:
            kind = image.format or ''
            pages = 1 if kind == 'MPO' else getattr(image, 'n_frames', 1)  # a camera's MPO has previews behind it
            header = ImageHeader(kind, image.mode, (image.height, image.width), pages, _orientation(image, data))
            if image.mode == '1':
                header = header._replace(bits=1, white_is_zero=kind == 'PPM')  # in a PBM file
            if kind == 'PNG':
                header = header._replace(bits=data[24], significant_bits=_significant_bits_of_png(data))
            return header
    except Image.DecompressionBombError as error:
        raise BadImage(f'has more than {MOST_PIXELS:,} pixels') from error
    except PILLOW_ERRORS:
        return UNKNOWN


def is_cut_off(data: bytes, header: ImageHeader) -> bool:
    """Whether the end of a JPEG file is missing; OpenCV paints over what it lacks, but refuses other formats then."""
    if header.format not in ('JPEG', 'MPO') or data.endswith(b'\xff\xd9'):
        return False
    try:  # some cameras write on behind the image's end
        with Image.open(io.BytesIO(data)) as image:
            image.load()
    except PILLOW_ERRORS:
        return True
    return False


def palette_indices(data: bytes) -> np.ndarray:
    """(H, W) uint8 indices of an image with a palette; OpenCV would give their colours.

    Raises:
        BadImage: If the file cannot be read.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.array(image)
    except PILLOW_ERRORS as error:
        raise BadImage('cannot be read') from error


def _orientation(image: Image.Image, data: bytes) -> int:
    # Pillow decodes a whole PNG to look for EXIF behind its pixels.
    if image.format == 'PNG' and not _PNG_CHUNKS_WITH_EXIF & {name for name, _ in png_chunks(data)}:
        return 1
    return _valid_orientation(image.getexif().get(_ORIENTATION))


def _valid_orientation(value: object) -> int:
    return value if isinstance(value, int) and 2 <= value <= 8 else 1


def _significant_bits_of_png(data: bytes) -> int | None:
    """The number of bits in the chunk `sBIT`, the largest over the channels; it stands before the pixels."""
    for name, content in png_chunks(data):
        if name == b'IDAT':
            return None
        if name == b'sBIT' and 1 <= len(content) <= 4:
            return max(content)
    return None


def _tiff_header(data: bytes) -> ImageHeader:
    tags = read_tiff_tags(data)
    if tags.width * tags.height > MOST_PIXELS:
        raise BadImage(f'has more than {MOST_PIXELS:,} pixels')
    scaled = 8 < tags.bits < 16  # by OpenCV, to 16 bits
    return ImageHeader(
        format='TIFF with JPEG' if tags.compression in _JPEG_IN_TIFF else 'TIFF',
        mode='P' if tags.photometric == 3 else '',
        shape=(tags.height, tags.width),
        pages=tags.pages,
        orientation=_valid_orientation(tags.orientation),
        bits=tags.bits,
        significant_bits=16 if scaled else tags.most_value.bit_length() or None,
        white_is_zero=tags.photometric == 0,
    )
