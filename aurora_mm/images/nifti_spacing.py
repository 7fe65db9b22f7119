"""The pixel spacing in the header of a NIfTI file."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

_STARTS = {348: (76, 'f'), 540: (104, 'd')}  # size of the header (NIfTI-1, NIfTI-2): place and type of pixdim


def nifti_spacing(path: Path) -> tuple[float, float] | None:
    """Return ``pixdim`` as a NIfTI file holds it; SimpleITK reads 0 and what is no number as 1.

    Args:
        path: Of the file, which may be packed by gzip.

    Returns:
        (height, width) of a pixel in the unit of the file; None if the file cannot be read so.
    """
    try:
        with path.open('rb') as file:
            is_packed = file.read(2) == b'\x1f\x8b'
        with gzip.open(path) if is_packed else path.open('rb') as stream:
            head = stream.read(540)
    except (OSError, EOFError, zlib.error):
        return None
    for order in '<>':
        place, kind = _STARTS.get(struct.unpack(f'{order}i', head[:4])[0], (0, '')) if len(head) >= 348 else (0, '')
        if kind:
            _, width, height = struct.unpack_from(f'{order}3{kind}', head, place)
            return height, width
    return None
