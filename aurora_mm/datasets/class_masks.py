"""Reads masks of classes that may overlap: a file for each class, or one file for all."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from aurora_mm.datasets.masks import LOSSLESS, decode_values, one_plane, read_mask_values
from aurora_mm.images.image_files import read_data, turned_upright
from aurora_mm.images.image_header import BadImage, ImageHeader, read_header


def read_class_mask(path: str | Path) -> tuple[np.ndarray, int]:
    """Read the mask file of one class: 0 outside of it, and either 1 or 255 inside.

    Args:
        path: Path of a PNG, TIFF, BMP, GIF or PGM file.

    Returns:
        (H, W) uint8, 0 and 1; and the EXIF orientation of the file, 1 to 8, where 1 is upright.

    Raises:
        BadImage: If the file cannot be read, its format is lossy, or it holds other values.
    """
    values, orientation = read_mask_values(path)
    return _binary(values, 'the mask of one class'), orientation


def read_class_masks(path: str | Path, num_classes: int) -> tuple[np.ndarray, int]:
    """Read a mask file of several classes that may overlap.

    The file has, in the order of the classes, a page for each class (TIFF), a channel for each class, or a bit for each
    class: the first class adds 1 to the value of a pixel, the second 2, the third 4, and so on. Pages and channels are
    0 outside of their class, and either 1 or 255 inside.

    Args:
        path: Path of a PNG, TIFF, BMP, GIF or PGM file.
        num_classes: Number of classes, C.

    Returns:
        (C, H, W) uint8, 0 and 1; and the EXIF orientation of the file, 1 to 8, where 1 is upright.

    Raises:
        BadImage: If the file cannot be read, its format is lossy, it has another number of pages or channels, or a
            value stands for no class.
    """
    data = read_data(path)
    header = read_header(data)
    if header.pages > 1 and header.format in LOSSLESS and not header.white_is_zero:
        return _pages(data, header, num_classes), 1
    pixels = decode_values(data, header)
    if pixels.ndim == 3 and pixels.shape[2] == num_classes:
        order = [2, 1, 0, 3][:num_classes]  # OpenCV gives blue, green, red
        channels = np.moveaxis(pixels[..., order], 2, 0)
        masks = np.stack([_binary(channel, f'channel {i + 1}') for i, channel in enumerate(channels)])
        return np.stack([turned_upright(mask, header.orientation) for mask in masks]), header.orientation
    return _bits(one_plane(pixels, header), num_classes), header.orientation


def bit_coded(masks: np.ndarray) -> np.ndarray:
    """Return masks of classes that may overlap as one picture; :func:`read_class_masks` reads it.

    Args:
        masks: (C, H, W), 0 and 1, of up to 16 classes.

    Returns:
        (H, W) uint8, or uint16 for more than 8 classes. Class i adds ``2 ** i``.
    """
    dtype = np.uint8 if len(masks) <= 8 else np.uint16
    picture = np.zeros(masks.shape[1:], dtype)
    for bit, mask in enumerate(masks):
        picture |= mask.astype(dtype) << dtype(bit)
    return picture


def _pages(data: bytes, header: ImageHeader, num_classes: int) -> np.ndarray:
    if header.orientation != 1:
        raise BadImage(f'has several pages and is stored in orientation {header.orientation}; save it upright')
    if header.pages != num_classes:
        raise BadImage(f'has {header.pages} pages for {num_classes} classes; it must have one page a class')
    found, pages = cv2.imdecodemulti(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if not found or len(pages) != num_classes:
        raise BadImage('cannot be read')
    if len({page.shape[:2] for page in pages}) > 1:
        raise BadImage('has pages of different sizes')
    return np.stack([_binary(page, f'page {number}') for number, page in enumerate(pages, 1)])


def _binary(values: np.ndarray, what: str) -> np.ndarray:
    """Return which pixels belong to a class, (H, W) uint8, from a page, a channel or a file with one class."""
    if values.ndim != 2:
        raise BadImage(f'is a colour image; {what} must have one channel')
    found = np.unique(values)
    if not (np.isin(found, (0, 1)).all() or np.isin(found, (0, 255)).all()):
        raise BadImage(f'has values {found[:10].tolist()}; {what} holds 0 outside of the class, and 1 or 255 inside')
    return (values > 0).astype(np.uint8)


def _bits(values: np.ndarray, num_classes: int) -> np.ndarray:
    """Return the bits of each pixel, (C, H, W) uint8."""
    if values.dtype.kind == 'f' and (values != np.floor(values)).any():
        raise BadImage('has values that are no integers')
    if values.min() < 0 or values.max() >= 2**num_classes:
        wrong = np.unique(values[(values < 0) | (values >= 2**num_classes)])[:10].tolist()
        raise BadImage(
            f'has values {wrong}, but {num_classes} classes with a bit each have values up to {2**num_classes - 1}; '
            'a file may also have a page or a channel for each class'
        )
    whole = values.astype(np.int64)
    return np.stack([(whole >> bit & 1).astype(np.uint8) for bit in range(num_classes)])
