"""Reads mask files as class indices, and refuses files whose values are ambiguous."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from aurora_mm.images.image_files import check_header, decode, read_data, turned_upright
from aurora_mm.images.image_header import BadImage, ImageHeader, palette_indices, read_header
from aurora_mm.structures import IGNORED

# Lossless formats; 'PPM' is Pillow's name for PGM too.
LOSSLESS = ('PNG', 'TIFF', 'BMP', 'DIB', 'GIF', 'PPM')


def read_class_indices(
    path: str | Path, num_classes: int, task: str, class_of_value: Sequence[int] | None = None
) -> tuple[np.ndarray, int]:
    """Read a mask file as class indices, in upright orientation.

    The value of a pixel is its class index. In an image with a palette this is the index into the palette. Files with
    1, 2 and 4 bits contain the classes 0 to 1, 0 to 3 and 0 to 15. Three equal channels are read as one.

    Args:
        path: Path of a PNG, TIFF, BMP, GIF or PGM file.
        num_classes: Number of classes, the background counted.
        task: Name of the task, for the error message.
        class_of_value: Class of each of the values 0 to 255, if values are not class indices. Pixels to ignore have
            the class :data:`~aurora_mm.structures.IGNORED`.

    Returns:
        (H, W) uint8 class indices; and the EXIF orientation of the file, 1 to 8, where 1 is upright.

    Raises:
        BadImage: If the file cannot be read, its format is lossy (JPEG), it has several pages, different channels or
            transparent pixels, or a value is not a class index.
    """
    values, orientation = read_mask_values(path)
    if values.dtype.kind == 'f' and (values != np.floor(values)).any():  # nan too
        raise BadImage(f'has values such as {_first(values, values != np.floor(values))}, which are no integers')
    if class_of_value is not None and values.min() >= 0 and values.max() < len(class_of_value):
        classes = np.array(class_of_value, np.uint8)[values.astype(np.uint8)]
        wrong = np.unique(values[(classes >= num_classes) & (classes != IGNORED)])
        if not len(wrong):
            return classes, orientation
        raise BadImage(f'has values {_listed(wrong)}, which are none of the {num_classes} classes of task {task!r}')
    if values.min() < 0 or values.max() >= num_classes:
        found = np.unique(values)
        wrong = found[(found < 0) | (found >= num_classes)]
        text = f'has values {_listed(wrong)}, but task {task!r} has classes 0..{num_classes - 1}'
        if len(found) <= num_classes and num_classes > 1:
            text += f'; if {_listed(found)} mean classes, '
            text += '`aurora-mm convert-dataset indexmasks` writes a data root with indices'
        raise BadImage(text)
    return values.astype(np.uint8, copy=False), orientation


def read_mask_values(path: str | Path) -> tuple[np.ndarray, int]:
    """Read the values of a mask file, in upright orientation, whether they are class indices or not.

    Args:
        path: Path of a PNG, TIFF, BMP, GIF or PGM file.

    Returns:
        (H, W) values, of the type of the file; and the EXIF orientation of the file, 1 to 8.

    Raises:
        BadImage: As :func:`read_class_indices`, except for values that are not class indices.
    """
    data = read_data(path)
    header = read_header(data)
    return one_plane(decode_values(data, header), header), header.orientation


def decode_values(data: bytes, header: ImageHeader) -> np.ndarray:
    """Decode a mask file as it is stored.

    Args:
        data: The file.
        header: Its header.

    Returns:
        (H, W), or (H, W, channels) in OpenCV's order; not turned.

    Raises:
        BadImage: If the file cannot be read, its format is lossy, or it has several pages.
    """
    check_header(header)
    pixels = palette_indices(data) if header.mode == 'P' else decode(data, cv2.IMREAD_UNCHANGED, header)
    if header.format not in LOSSLESS:
        raise BadImage(f'is {header.format or "in an unknown format"}, which need not keep values; save it as PNG')
    if header.white_is_zero:
        raise BadImage('stores white as 0, so that its values are inverted by some readers; save it as PNG')
    return pixels


def one_plane(pixels: np.ndarray, header: ImageHeader) -> np.ndarray:
    """Return the values of a mask file, (H, W), in upright orientation.

    Args:
        pixels: What :func:`decode_values` returned.
        header: The header of the file.

    Raises:
        BadImage: If channels differ or pixels are transparent.
    """
    pixels = _one_channel(pixels)
    if header.mode != 'P' and header.bits < 8:
        pixels = pixels // (255 // (2**header.bits - 1))  # OpenCV spreads them over 0..255
    return turned_upright(pixels, header.orientation)


def is_plain_png(path: str | Path) -> bool:
    """Return whether a file is an upright 8-bit PNG with one channel or a palette, which all libraries read equally.

    Args:
        path: Path of the file.

    Raises:
        BadImage: If the file cannot be read.
    """
    header = read_header(read_data(path))
    return header.format == 'PNG' and (header.mode, header.bits) in (('L', 8), ('P', 8)) and header.orientation == 1


def _one_channel(pixels: np.ndarray) -> np.ndarray:
    if pixels.ndim == 2:
        return pixels
    channels = pixels.shape[2]
    if channels in (2, 4):
        opaque = np.iinfo(pixels.dtype).max if pixels.dtype.kind == 'u' else 1
        if (pixels[..., -1] != opaque).any():
            raise BadImage('has transparent pixels, so that its label may be in the alpha channel; save one channel')
        pixels = pixels[..., :-1]
    if (pixels != pixels[..., :1]).any():
        raise BadImage(
            'is a colour image; its value must be the class index. If each colour is a class, `aurora-mm import-data` '
            "writes indices: --mask-values '#000000' '#ff0000'"
        )
    return pixels[..., 0]


def _first(values: np.ndarray, where: np.ndarray) -> float:
    return float(values[where][0])


def _listed(values: np.ndarray, most: int = 10) -> str:
    shown = values[:most].tolist()
    return str(shown) if len(values) <= most else f'{str(shown)[:-1]}, ...]'
