"""Image files and arrays as 8-bit BGR pixels, by stated rules or not at all."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from aurora_mm.images.image_header import PILLOW_ERRORS, UNKNOWN, BadImage, ImageHeader, is_cut_off, read_header
from aurora_mm.images.plain_png import decode_plain_png
from aurora_mm.images.scaling import scaled_to_8_bits, to_8_bits
from aurora_mm.images.shards.sharded_root import sharded_root_of
from aurora_mm.images.shared_channels import for_channels, share_channels

# Pixels as they are stored; the picture is turned here, because OpenCV turns some formats and others not.
_STORED = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
_GREY, _COLOUR = cv2.IMREAD_GRAYSCALE | _STORED, cv2.IMREAD_COLOR | _STORED
# What is added to either of them for 1/2, 1/4 and 1/8 of the size.
_REDUCED = {
    1: 0,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
}
# Formats and modes of Pillow of which OpenCV's grey and colour readers give the same values.
_GREY_FORMATS, _GREY_MODES = ('PNG', 'JPEG', 'MPO', 'BMP', 'PPM'), ('L', 'I;16', 'I')


def read_bgr(path: str | Path, depth: int | None = None) -> tuple[np.ndarray, int]:
    """An image file as 8-bit pixels, upright.

    A grey image gets three equal channels, transparency is left out. A value v of a 16-bit file becomes
    ``v >> (depth - 8)``, see :func:`aurora_mm.images.scaling.to_8_bits`.

    Args:
        path: Of the file.
        depth: Bits that the values of 16-bit files fill that do not declare it; None goes by each file.

    Returns:
        (H, W, 3) uint8 BGR; and the orientation from which it was turned: 1 to 8 as EXIF counts, 1 being upright. The
        channels of a grey image share memory, see :mod:`aurora_mm.images.shared_channels`.

    Raises:
        BadImage: If the file cannot be read, ends early, has several pages or more than 178,956,970 pixels, holds
            other values than 8 or 16 bits without sign, or is a TIFF file that is turned or stores white as 0 in 16
            bits.
    """
    data = read_data(path)
    header = read_header(data)
    return bgr_of(data, header, depth, str(path)), header.orientation


def jpeg_reduction(header: ImageHeader, least_side: int | None) -> int:
    """Return how far a file can be reduced while it is decoded.

    JPEG decoders can make an image of 1/2, 1/4 or 1/8 of the size from the coarser coefficients of each block, which is
    faster. A pixel of it covers exactly 2 x 2, 4 x 4 or 8 x 8 original pixels.

    Args:
        header: Of the file.
        least_side: Number of pixels that each side must still have; None does not reduce.

    Returns:
        1, 2, 4 or 8. Always 1 for other formats, and for pictures that are stored turned: their incomplete last pixels
        would come first.
    """
    if least_side is None or header.format not in ('JPEG', 'MPO') or header.orientation != 1:
        return 1
    return next((factor for factor in (8, 4, 2) if min(header.shape) >= factor * least_side), 1)


def bgr_of(data: bytes, header: ImageHeader, depth: int | None, name: str, reduction: int = 1) -> np.ndarray:
    """The bytes of an image file as 8-bit pixels, upright; see :func:`read_bgr`.

    Args:
        data: The whole file.
        header: Of the file.
        depth: Bits that the values of 16-bit files fill that do not declare it, or None.
        name: Of the file, for messages.
        reduction: See :func:`jpeg_reduction`.

    Returns:
        (ceil(H / reduction), ceil(W / reduction), 3) uint8 BGR. The channels of a grey image share memory.

    Raises:
        BadImage: As :func:`read_bgr`.
    """
    check_header(header)
    if is_cut_off(data, header):
        raise BadImage('ends early: the file was cut off')
    if header.format == 'TIFF' and header.bits >= 32:
        pixels = _numbers_of_tiff(data)
    else:
        grey = header.format in _GREY_FORMATS and header.mode in _GREY_MODES
        pixels = decode(data, (_GREY if grey else _COLOUR) | _REDUCED[reduction], header)
    if header.format and pixels.shape[:2] != tuple(-(-side // reduction) for side in header.shape):
        raise BadImage(f'declares (height, width) {header.shape}, but holds {pixels.shape[:2]}')
    if pixels.dtype != np.uint8:
        if header.white_is_zero:
            raise BadImage('stores white as 0 in 16 bits; save it with black as 0')
        pixels = scaled_to_8_bits(pixels, _declared_depth(header, pixels) or depth, name)
    pixels = turned_upright(pixels, header.orientation)
    return share_channels(pixels) if pixels.ndim == 2 else pixels


def read_shape(path: str | Path) -> tuple[tuple[int, int], int]:
    """The size of an image file's picture, without decoding it where its header says so.

    Args:
        path: Of the file.

    Returns:
        (H, W) of the upright picture, and the orientation in which it is stored: 1 to 8 as EXIF counts.

    Raises:
        BadImage: If the file is no image or has several pages.
    """
    data = read_data(path)
    header = read_header(data)
    return shape_of(data, header), header.orientation


def shape_of(data: bytes, header: ImageHeader) -> tuple[int, int]:
    """(H, W) of the upright picture of a file's bytes; see :func:`read_shape`."""
    check_header(header)
    height, width = header.shape if header.format else decode(data, _COLOUR).shape[:2]
    return (width, height) if header.orientation >= 5 else (height, width)


def as_bgr(array: Any, depth: int | None = None) -> np.ndarray:
    """An array as 8-bit pixels.

    Args:
        array: (H, W, 3) BGR, (H, W) or (H, W, 1) grey, uint8 or uint16.
        depth: Bits that the values of uint16 arrays fill; None goes by the largest value, see
            :func:`aurora_mm.images.scaling.to_8_bits`.

    Returns:
        (H, W, 3) uint8 BGR. The channels of a grey image share memory.

    Raises:
        BadImage: If it is anything else.
    """
    if not isinstance(array, np.ndarray):
        raise BadImage(f'is {type(array).__name__}, not a NumPy array')
    if array.dtype not in (np.uint8, np.uint16):
        raise BadImage(f'holds {array.dtype}; give uint8 values from 0 to 255, or uint16')
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[2] not in (1, 3):
        raise BadImage(f'has shape {array.shape}; give (H, W, 3) in the order blue, green, red, or (H, W)')
    if 0 in array.shape:
        raise BadImage(f'has shape {array.shape}: no pixel')
    if array.dtype == np.uint16:
        array = to_8_bits(array, depth, 'an array')
    return share_channels(array[..., 0]) if array.shape[2] == 1 else np.ascontiguousarray(array)


def turned_upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn a picture upright.

    Args:
        pixels: (H, W) or (H, W, C), as stored.
        orientation: The orientation in which it is stored, 1 to 8 as EXIF counts; 1 is upright.

    Returns:
        The upright pixels. Channels share memory if those of ``pixels`` do.
    """
    return for_channels(lambda channels: _turned_upright(channels, orientation), pixels)


def _turned_upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    if orientation >= 5:
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def read_data(path: str | Path) -> bytes:
    """Return the bytes of a file, which may be in a shard, see :mod:`aurora_mm.images.shards`.

    Raises:
        BadImage: If it cannot be read.
    """
    root = sharded_root_of(path)
    if root is not None:
        return root.read(path)
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise BadImage(f'cannot be read ({getattr(error, "strerror", None) or error})') from error


def check_header(header: ImageHeader) -> None:
    """Refuse what could be read in more than one way.

    Raises:
        BadImage: If the file has several pages, or is a TIFF file that is turned.
    """
    if header.pages > 1:
        raise BadImage(f'has {header.pages} pages or frames; save the one that is meant as a file of its own')
    if header.format.startswith('TIFF') and header.orientation != 1:
        raise BadImage(f'is stored in orientation {header.orientation}, which TIFF readers take differently')


def decode(data: bytes, flags: int, header: ImageHeader = UNKNOWN) -> np.ndarray:
    """The pixels of a file as OpenCV reads them.

    Args:
        data: The whole file.
        flags: OpenCV's, which do not change the values of a plain PNG file.
        header: Of the file, if it may be decoded by :func:`aurora_mm.images.plain_png.decode_plain_png`.

    Raises:
        BadImage: If it cannot.
    """
    plain = decode_plain_png(data, header)
    if plain is not None:
        return plain
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:  # an empty file, or a header that speaks of more pixels than OpenCV ever reads
        pixels = None
    if pixels is None:
        raise BadImage('cannot be read')
    return pixels


def _declared_depth(header: ImageHeader, pixels: np.ndarray) -> int | None:
    """The depth that a file declares, if its values are not larger than that."""
    bits = header.significant_bits
    if bits is None or int(pixels.max()) < 2**bits:
        return bits
    return 16 if header.format == 'PNG' else None  # PNG wants values of fewer bits scaled to 16


def _numbers_of_tiff(data: bytes) -> np.ndarray:
    """(H, W, 3) values of a grey TIFF file of 32 bits, which OpenCV does not read."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.mode not in ('F', 'I'):
                raise BadImage('holds 32-bit colours; 8 and 16 bits can be read')
            return np.array(image)
    except PILLOW_ERRORS as error:
        raise BadImage('cannot be read') from error
