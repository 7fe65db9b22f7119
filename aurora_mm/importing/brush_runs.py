"""Run lengths in which Label Studio stores what was painted with a brush (format ``rle`` of thi.ng/rle-pack)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_OPAQUE = 128  # alpha from which on a pixel counts as painted


def decode_brush(numbers: Sequence[int], size: tuple[int, int]) -> np.ndarray:
    """Return the mask of a brush.

    The bytes are one stream of bits: 32 of the number of values, 5 of the bits a value less 1, four times 4 of the bits
    of a run's length less 1, then the runs: 1 if its values are equal, 2 that choose one of the four sizes, the length
    less 1, and one value or all of them. Values are red, green, blue and alpha of each pixel, along the rows.

    Args:
        numbers: The bytes.
        size: (height, width) of the image.

    Returns:
        (H, W) bool, true where alpha is at least half.

    Raises:
        ValueError: If these are no such bytes, or they are of an image of another size.
    """
    try:
        packed = np.array(numbers)
        if packed.ndim != 1 or not np.issubdtype(packed.dtype, np.integer) or packed.min() < 0 or packed.max() > 255:
            raise ValueError('these are no bytes')
    except TypeError as error:
        raise ValueError('these are no bytes') from error
    bits = (np.unpackbits(packed.astype(np.uint8)) + ord('0')).tobytes().decode('ascii')
    place = 0

    def number(count: int) -> int:
        nonlocal place
        place += count
        if place > len(bits):
            raise ValueError('the bytes end within a run')
        return int(bits[place - count : place], 2)

    total = number(32)
    if total != 4 * size[0] * size[1]:
        raise ValueError(f'{total} values are not those of {size[1]} x {size[0]} pixels of four channels')
    depth = number(5) + 1
    sizes = [number(4) + 1 for _ in range(4)]
    values = np.zeros(total, np.int64)
    at = 0
    while at < total:
        is_run = number(1)
        end = at + 1 + number(sizes[number(2)])
        if end > total:
            raise ValueError('a run reaches beyond the image')
        if is_run:
            values[at:end] = number(depth)
        else:
            values[at:end] = [number(depth) for _ in range(end - at)]
        at = end
    alpha: np.ndarray = values.reshape(*size, 4)[..., 3]
    return alpha >= _OPAQUE
