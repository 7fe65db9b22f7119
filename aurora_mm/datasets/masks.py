"""Mask files as class indices, by stated rules or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from aurora_mm.images.image_files import check_header, decode, read_data, turned_upright
from aurora_mm.images.image_header import BadImage, palette_indices, read_header

# Formats that keep every value; 'PPM' is Pillow's name of PGM too.
_LOSSLESS = ('PNG', 'TIFF', 'BMP', 'DIB', 'GIF', 'PPM')


IGNORED = 255  # the class of a pixel that does not count


def read_class_indices(
    path: str | Path, num_classes: int, task: str, class_of_value: Sequence[int] | None = None
) -> tuple[np.ndarray, int]:
    """A mask file as class indices, upright.

    The value of a pixel is the index of its class; of an image with a palette the value, not its colour. Masks of 1,
    2 and 4 bits hold the classes 0 to 1, 3 and 15. Three equal channels are one.

    Args:
        path: Of the file: PNG, TIFF, BMP, GIF or PGM.
        num_classes: The background counted; larger values are refused.
        task: Name of the task, for messages.
        class_of_value: The class of each of the values 0 to 255, where they are not classes themselves;
            :data:`IGNORED` for pixels that do not count.

    Returns:
        (H, W) uint8, and the orientation from which it was turned: 1 to 8 as EXIF counts, 1 being upright.

    Raises:
        BadImage: If the file cannot be read, or its format changes values (JPEG), it has several pages, channels that
            differ, transparency, or a value that is no class.
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
    return values.astype(np.uint8), orientation


def read_mask_values(path: str | Path) -> tuple[np.ndarray, int]:
    """The values of a mask file, whatever they mean: (H, W) of the type that is stored, and the orientation.

    Args:
        path: Of the file.

    Raises:
        BadImage: As :func:`read_class_indices`, but for values.
    """
    data = read_data(path)
    header = read_header(data)
    check_header(header)
    pixels = palette_indices(data) if header.mode == 'P' else decode(data, cv2.IMREAD_UNCHANGED)
    if header.format not in _LOSSLESS:
        raise BadImage(f'is {header.format or "in an unknown format"}, which need not keep values; save it as PNG')
    if header.white_is_zero:
        raise BadImage('stores white as 0, so that its values are inverted by some readers; save it as PNG')
    pixels = _one_channel(pixels)
    if header.mode != 'P' and header.bits < 8:
        pixels = pixels // (255 // (2**header.bits - 1))  # OpenCV spreads them over 0..255
    return turned_upright(pixels, header.orientation), header.orientation


def is_plain_png(path: str | Path) -> bool:
    """Whether a file is a PNG of one 8-bit channel (or of a palette), which every reader takes alike.

    Raises:
        BadImage: If it cannot be read.
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
        raise BadImage('is a colour image; its value must be the class index')
    return pixels[..., 0]


def _first(values: np.ndarray, where: np.ndarray) -> float:
    return float(values[where][0])


def _listed(values: np.ndarray, most: int = 10) -> str:
    shown = values[:most].tolist()
    return str(shown) if len(values) <= most else f'{str(shown)[:-1]}, ...]'
