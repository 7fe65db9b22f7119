"""The headers of MetaImage files, which name the file of their pixels."""

from __future__ import annotations

import re
from pathlib import Path

from aurora_mm.images.image_header import BadImage

META_SUFFIXES = ('.mha', '.mhd')

_FIELD = b'ElementDataFile'
_DATA_FILE = re.compile(rb'^[ \t]*' + _FIELD + rb'[ \t]*[=:]([^\n]*)', re.MULTILINE)  # a line ends with \n alone


def has_pixels_elsewhere(path: Path) -> bool:
    """Return whether an image file is the header of a MetaImage whose pixels are in another file.

    Raises:
        BadImage: See :func:`data_file_of`.
    """
    return path.suffix.lower() in META_SUFFIXES and data_file_of(path) is not None


def data_file_of(path: Path) -> str | None:
    """Return the name of the file of the pixels of a MetaImage file, whatever its suffix.

    The whole file is searched, since a field that is hidden from this function could still reach the reader.

    Args:
        path: A file of the local disk.

    Returns:
        The name of another file in the same folder; None if the pixels follow the header.

    Raises:
        BadImage: If the file says the field's name more than once, or names a file elsewhere or several.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadImage(f'cannot be read ({error.strerror})') from error
    found = _DATA_FILE.findall(data)
    if len(found) != 1 or data.count(_FIELD) != 1:
        raise BadImage(f'cannot be read as MetaImage: its header must say {_FIELD.decode()} once')
    name: str = found[0].decode('latin-1').strip()
    if name == 'LOCAL':
        return None
    # ITK takes LIST for a list of files, and % for a pattern of their names.
    several = name.startswith('LIST') or '%' in name
    if several or Path(name).name != name or not (path.parent / name).is_file():
        raise BadImage(f'names {name!r} as the file of its pixels; it must be a file of the same folder')
    return name
