"""The chunks of PNG files, and the header of those that hold nothing unusual."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

_SIGNATURE = b'\x89PNG\r\n\x1a\n'
_CHUNK = struct.Struct('>I4s')  # length and name
# Content of IHDR: width, height, bits, colour type, compression, filter, interlacing.
_FIRST = struct.Struct('>IIBBBBB')
_MODES = {0: 'L', 2: 'RGB'}  # by colour type
# Chunks that change neither pixels nor how they are shown upright.
_HARMLESS = {b'gAMA', b'cHRM', b'sRGB', b'pHYs', b'tIME'}


class PlainPng(NamedTuple):
    """What is to know of a plain PNG file.

    Args:
        mode: Pillow's name of the kind of pixels: 'L' or 'RGB'.
        shape: (H, W).
    """

    mode: str
    shape: tuple[int, int]


def png_chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the name and the content of each chunk of a PNG file."""
    position, view = 8, memoryview(data)
    while position + 8 <= len(data):
        length, name = _CHUNK.unpack_from(data, position)
        yield name, view[position + 8 : position + 8 + length]
        position += length + 12


def plain_png(data: bytes) -> PlainPng | None:
    """Return the header of an 8-bit grey or RGB file without transparency, interlacing, EXIF data and further frames.

    Most PNG files are like that, and this takes a tenth of the time that Pillow takes for the header.

    Args:
        data: The whole file.

    Returns:
        None if the file has any other chunk, or a chunk before its pixels is damaged; Pillow has to judge it then.
    """
    if data[:8] != _SIGNATURE:
        return None
    chunks = png_chunks(data)
    name, content = next(chunks, (b'', memoryview(b'')))
    if name != b'IHDR' or len(content) != _FIRST.size or not _is_intact(data, 8, len(content)):
        return None
    width, height, bits, colour_type, *others = _FIRST.unpack(content)
    if bits != 8 or colour_type not in _MODES or any(others) or not width or not height:
        return None
    position, seen = 8 + len(content) + 12, name
    for name, content in chunks:
        known = name in (b'IDAT', b'IEND') or name in _HARMLESS
        if not known or (name in _HARMLESS and not _is_intact(data, position, len(content))):
            return None
        position, seen = position + len(content) + 12, name
    return PlainPng(_MODES[colour_type], (height, width)) if seen == b'IEND' and position == len(data) else None


def _is_intact(data: bytes, position: int, length: int) -> bool:
    """Return whether the checksum of a chunk is right, which starts at a position with its length."""
    end = position + 8 + length
    return data[end : end + 4] == zlib.crc32(data[position + 4 : end]).to_bytes(4, 'big')
