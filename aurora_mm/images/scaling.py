"""Pixel values of any kind as 8 bits, by stated rules or not at all."""

from __future__ import annotations

import logging

import numpy as np
from mmengine.logging import print_log

from aurora_mm.images.image_header import BadImage

_DEPTHS = (8, 10, 12, 14, 16)
_TOLD_DEPTHS: set[int] = set()  # by this process


def scaled_to_8_bits(values: np.ndarray, depth: int | None, name: str) -> np.ndarray:
    """Values of a volume or a TIFF file as uint8.

    8-bit values stay as they are. Other whole numbers from 0 to 65,535 are scaled as those of 16-bit files are, see
    :func:`to_8_bits`. Numbers with a decimal point are taken as shares of white if none is above 1, else rounded if
    none is above 255.

    Args:
        values: Of one file, of any shape.
        depth: Bits that whole numbers fill, or None.
        name: Of the file, for messages.

    Raises:
        BadImage: If values are negative, not finite or larger than these rules allow.
    """
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind == 'b':
        return values.astype(np.uint8) * np.uint8(255)
    if values.dtype.kind not in 'uif':
        raise BadImage(f'holds {values.dtype} values')
    if not np.isfinite(values).all():
        raise BadImage('holds values that are not finite')
    least, most = float(values.min()), float(values.max())
    if least < 0:
        raise BadImage(f'holds negative values (down to {least:g}), for which there is no rule')
    if values.dtype.kind in 'ui':
        if most > 65535:
            raise BadImage(f'holds values up to {most:g}; 16 bits without sign can be read')
        return values.astype(np.uint8) if values.dtype == np.int8 else to_8_bits(values.astype(np.uint16), depth, name)
    if most > 255:
        raise BadImage(f'holds numbers with a decimal point up to {most:g}; at most 1 or at most 255 can be read')
    return np.rint(values * 255 if most <= 1 else values).astype(np.uint8)


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


def _tell_depth(depth: int, most: int, name: str) -> None:
    if depth not in _TOLD_DEPTHS:
        _TOLD_DEPTHS.add(depth)
        print_log(
            f'16-bit images whose largest value is below {2**depth} are read as {depth}-bit ones: value >> {depth - 8} '
            f'(first {name}, largest value {most})',
            logger='current',
            level=logging.WARNING,
        )
