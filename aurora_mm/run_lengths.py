"""Masks as COCO's compressed run lengths, decoded with all checks that pycocotools leaves out.

Run lengths count pixels down the columns, zeros first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_masks


def encode_mask(mask: NDArray[np.bool_]) -> str:
    """Return the compressed run lengths of a mask, (H, W)."""
    counts: bytes = coco_masks.encode(np.asfortranarray(mask, np.uint8))['counts']
    return counts.decode('ascii')


def decode_mask(text: str, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the mask of compressed run lengths.

    Args:
        text: What :func:`encode_mask` returned, or text from a file.
        shape: (height, width) of the mask.

    Returns:
        (H, W) bool.

    Raises:
        ValueError: If the text is not valid, or is of a mask of another size.
    """
    lengths = decode_counts(text) if isinstance(text, str) else None
    if lengths is None or any(length < 0 for length in lengths):
        raise ValueError(f'{str(text)[:40]!r} is no text of compressed run lengths')
    if sum(lengths) != shape[0] * shape[1]:
        raise ValueError(f'run lengths sum to {sum(lengths)}, but the image has {shape[0] * shape[1]} pixels')
    return mask_of_runs(lengths, shape)


def mask_of_runs(lengths: Sequence[int], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the (H, W) bool mask of run lengths that are not negative and sum to H x W."""
    bits = np.repeat(np.arange(len(lengths)) % 2 == 1, np.array(lengths, int))
    return bits.reshape(shape[::-1]).T


def mask_of_polygons(polygons: Sequence[Sequence[float]], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Fill polygons by the rule of COCO: pixels whose centres lie within belong to them, to a fifth of a pixel.

    OpenCV's ``fillPoly`` also sets all pixels that the outline touches, so that its masks are half a pixel larger on
    each side.

    Args:
        polygons: Polygons whose union is meant, each x1, y1, x2, y2, ... of three corners or more, in pixels.
        shape: (height, width) of the mask.

    Returns:
        (H, W) bool.
    """
    decoded: NDArray[np.uint8] = coco_masks.decode(coco_masks.merge(coco_masks.frPyObjects(polygons, *shape)))
    return decoded.astype(bool)


def decode_counts(text: str) -> list[int] | None:
    """Decode compressed run lengths; None if the text is not valid.

    Each character has 5 bits of a number, the lowest bits first, and a sixth bit that tells whether another character
    follows. The highest bit of the last character is the sign. From the fourth number on, the difference to the number
    two positions before is stored.
    """
    counts: list[int] = []
    value, shift = 0, 0
    for letter in text.encode('utf-8', errors='replace'):
        code = letter - 48
        if not 0 <= code < 64 or shift > 60:
            return None
        value |= (code & 0x1F) << shift
        shift += 5
        if not code & 0x20:
            if code & 0x10:
                value -= 1 << shift
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value, shift = 0, 0
    return None if shift else counts
