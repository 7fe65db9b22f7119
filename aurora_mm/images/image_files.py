"""Image files and arrays as 8-bit BGR pixels, by stated rules or not at all."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.logging import print_log

from aurora_mm.errors import DataError
from aurora_mm.images.image_header import BadImage, ImageHeader, is_cut_off, read_header

# Pixels as they are stored, in colour; the picture is turned here, since OpenCV turns some formats and others not.
_AS_STORED = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
_SUFFIXES = (
    *('.png', '.jpg', '.jpeg', '.jpe', '.jp2', '.bmp', '.dib', '.tif', '.tiff', '.webp'),
    *('.pgm', '.ppm', '.pnm', '.gif'),
)
_DEPTHS = (8, 10, 12, 14, 16)
_TOLD_DEPTHS: set[int] = set()  # by this process


def read_bgr(path: str | Path, depth: int | None = None) -> tuple[np.ndarray, int]:
    """An image file as 8-bit pixels, upright.

    A grey image gets three equal channels, transparency is left out. A value v of a 16-bit file becomes
    ``v >> (depth - 8)``, see :func:`to_8_bits`.

    Args:
        path: Of the file.
        depth: Bits that the values of 16-bit files fill; None goes by each file.

    Returns:
        (H, W, 3) uint8 BGR, and the orientation from which it was turned: 1 to 8 as EXIF counts, 1 being upright.

    Raises:
        BadImage: If the file cannot be read, ends early, has several pages or more than 178,956,970 pixels, holds
            other values than 8 or 16 bits without sign, or is a TIFF file that is turned or stores white as 0 in 16
            bits.
    """
    data = read_data(path)
    header = read_header(data)
    check_header(header)
    if is_cut_off(data, header):
        raise BadImage('ends early: the file was cut off')
    pixels = decode(data, _AS_STORED)
    if pixels.dtype != np.uint8:
        if header.white_is_zero:
            raise BadImage('stores white as 0 in 16 bits; save it with black as 0')
        pixels = to_8_bits(pixels, depth or _declared_depth(header, pixels), str(path))
    return turned_upright(pixels, header.orientation), header.orientation


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
    check_header(header)
    height, width = header.shape if header.format else decode(data, _AS_STORED).shape[:2]
    return (width, height) if header.orientation >= 5 else (height, width), header.orientation


def images_in(folder: str | Path) -> list[str]:
    """The image files of a folder, sorted; the log names what else is in it, but for hidden files.

    Args:
        folder: Not gone into further.

    Raises:
        DataError: If there is none.
    """
    entries = sorted(path for path in Path(folder).iterdir() if not path.name.startswith('.'))
    images = [str(path) for path in entries if path.suffix.lower() in _SUFFIXES and path.is_file()]
    others = [path.name for path in entries if str(path) not in images]
    if others:
        print_log(
            f'{folder}: {len(others)} entries are no images by their names and left out: {", ".join(others[:5])}',
            logger='current',
            level=logging.WARNING,
        )
    if not images:
        raise DataError(f'no image in this folder: none of {", ".join(_SUFFIXES)}', file=folder)
    return images


def as_bgr(array: Any, depth: int | None = None) -> np.ndarray:
    """An array as 8-bit pixels.

    Args:
        array: (H, W, 3) BGR, (H, W) or (H, W, 1) grey, uint8 or uint16.
        depth: Bits that the values of uint16 arrays fill; None goes by the largest value, see :func:`to_8_bits`.

    Returns:
        (H, W, 3) uint8 BGR.

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
    return np.ascontiguousarray(np.broadcast_to(array, (*array.shape[:2], 3)))


def to_8_bits(pixels: np.ndarray, depth: int | None, name: str) -> np.ndarray:
    """uint16 values v as ``v >> (depth - 8)``, uint8 of the same shape.

    Scanners store 10 and 12 bits in 16, so that the upper 8 bits would be nearly black. Without a declared depth it is
    the least of 8, 10, 12, 14 and 16 bits that holds the largest value; the log says so, once for each depth.

    Args:
        pixels: uint16.
        depth: Bits that the values fill, or None.
        name: Of the image, for messages.

    Raises:
        BadImage: If the values are of another kind, or larger than ``depth`` allows.
    """
    if pixels.dtype != np.uint16:
        raise BadImage(f'holds {pixels.dtype} values; 8 and 16 bits without sign can be read')
    most = int(pixels.max())
    if depth is None:
        depth = next(bits for bits in _DEPTHS if most < 2**bits)
        if depth < 16:
            _tell_depth(depth, most, name)
    if most >= 2**depth:
        raise BadImage(f'has values up to {most}, more than {depth} bits hold')
    return (pixels >> (depth - 8) if depth >= 8 else pixels << (8 - depth)).astype(np.uint8)


def turned_upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Pixels (H, W, ...) of a picture that is stored in an orientation, 1 to 8 as EXIF counts, turned upright."""
    if orientation >= 5:
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def read_data(path: str | Path) -> bytes:
    """A file's bytes.

    Raises:
        BadImage: If it cannot be read.
    """
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


def decode(data: bytes, flags: int) -> np.ndarray:
    """The pixels of a file as OpenCV reads them.

    Raises:
        BadImage: If it cannot.
    """
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


def _tell_depth(depth: int, most: int, name: str) -> None:
    if depth not in _TOLD_DEPTHS:
        _TOLD_DEPTHS.add(depth)
        print_log(
            f'16-bit images whose largest value is below {2**depth} are read as {depth}-bit ones: value >> {depth - 8} '
            f'(first {name}, largest value {most})',
            logger='current',
            level=logging.WARNING,
        )
