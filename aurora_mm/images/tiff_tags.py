"""The tags of a TIFF file that say how its pixels are meant; Pillow knows no files of 10, 12 and 14 bits."""

from __future__ import annotations

import struct
from typing import NamedTuple

_MARKS = {b'II*\0': ('<', False), b'MM\0*': ('>', False), b'II+\0': ('<', True), b'MM\0+': ('>', True)}
_TYPES = {1: 'B', 3: 'H', 4: 'I', 16: 'Q'}  # whole numbers of 1, 2, 4 and 8 bytes
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _ORIENTATION, _MOST_VALUE = 256, 257, 258, 259, 262, 274, 281
_MOST_PAGES = 100_000


class TiffTags(NamedTuple):
    """What the first page of a TIFF file declares, and the number of pages.

    Args:
        pages: Of the file.
        width: Of the picture as it is stored, in pixels.
        height: Of the picture as it is stored, in pixels.
        bits: Bits of a stored value.
        most_value: The largest value that a pixel may have, 0 if the file does not say.
        compression: TIFF's number of the method; 1 is none.
        photometric: TIFF's number of the meaning of values; 0 is grey with white as 0, 3 a palette.
        orientation: 1 to 8 as EXIF counts, 1 being upright.
    """

    pages: int
    width: int
    height: int
    bits: int
    most_value: int
    compression: int
    photometric: int
    orientation: int


def is_tiff(data: bytes) -> bool:
    """Whether a file begins as TIFF files do."""
    return data[:4] in _MARKS


def read_tiff_tags(data: bytes) -> TiffTags:
    """The tags of a TIFF file.

    Args:
        data: The whole file.

    Raises:
        ValueError: If it is no whole TIFF file.
    """
    order, big = _MARKS[data[:4]]
    try:
        (offset,) = struct.unpack_from(order + ('Q' if big else 'I'), data, 8 if big else 4)
        first: dict[int, tuple[int, ...]] | None = None
        seen: set[int] = set()
        while offset and offset not in seen and len(seen) < _MOST_PAGES:
            seen.add(offset)
            tags, offset = _directory(data, offset, order, big)
            first = tags if first is None else first
    except struct.error as error:
        raise ValueError(f'no whole TIFF file: {error}') from error
    if first is None:
        raise ValueError('no page in this TIFF file')

    def value(tag: int, default: int) -> int:
        return max(first.get(tag, ()), default=default)

    return TiffTags(
        pages=len(seen),
        width=value(_WIDTH, 0),
        height=value(_HEIGHT, 0),
        bits=value(_BITS, 1),
        most_value=value(_MOST_VALUE, 0),
        compression=value(_COMPRESSION, 1),
        photometric=value(_PHOTOMETRIC, 1),
        orientation=value(_ORIENTATION, 1),
    )


def _directory(data: bytes, offset: int, order: str, big: bool) -> tuple[dict[int, tuple[int, ...]], int]:
    """(the whole numbers of a page's tags, the offset of the next page or 0)."""
    count_code, entry_code, inline = ('Q', 'HHQ', 8) if big else ('H', 'HHI', 4)
    (count,) = struct.unpack_from(order + count_code, data, offset)
    position = offset + struct.calcsize(order + count_code)
    tags = {}
    for _ in range(count):
        tag, kind, number = struct.unpack_from(order + entry_code, data, position)
        position += struct.calcsize(order + entry_code)
        if kind in _TYPES and 1 <= number <= 16:
            code = f'{order}{number}{_TYPES[kind]}'
            place = position
            if struct.calcsize(code) > inline:
                (place,) = struct.unpack_from(order + ('Q' if big else 'I'), data, position)
            tags[tag] = struct.unpack_from(code, data, place)
        position += inline
    (following,) = struct.unpack_from(order + ('Q' if big else 'I'), data, position)
    return tags, following
