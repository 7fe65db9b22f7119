"""Whether a file begins as DICOM files do, by its first bytes alone."""

from __future__ import annotations

import struct

_FEWEST_ELEMENTS = 3  # that must follow one another without a fault
_META, _IDENTIFICATION = 0x0002, 0x0008  # the groups that files begin with
_SHORT_VRS = frozenset(b'AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US'.split())
_LONG_VRS = frozenset(b'OB OD OF OL OV OW SQ SV UC UN UR UT UV'.split())  # their length has 32 bits
_UNDEFINED = 0xFFFFFFFF
_LONGEST = 2**16  # bytes of a value


def begins_as_dicom(head: bytes) -> bool:
    """Return whether a file begins as DICOM files do.

    A file has ``DICM`` after a preamble of 128 bytes or, as old machines and archives write, neither of the two. The
    latter is recognised by its first data elements: of group 0002 or 0008, in ascending order, with lengths that can be
    and, where value representations are written, with one that exists. At least three must follow one another, so that
    other files are not taken for DICOM by chance.

    Args:
        head: The first 1024 bytes of the file, or all if it is shorter.
    """
    if head[128:132] == b'DICM':
        return True
    return (
        _begins_with(_META, head, '<', explicit=True)  # the standard has no other encoding for it
        or _begins_with(_IDENTIFICATION, head, '<', explicit=True)
        or _begins_with(_IDENTIFICATION, head, '<', explicit=False)
        or _begins_with(_IDENTIFICATION, head, '>', explicit=True)
    )


def _begins_with(group: int, head: bytes, order: str, explicit: bool) -> bool:
    """Whether a file begins with well-formed elements of a group.

    Args:
        group: The first half of their tags.
        head: The first bytes of the file.
        order: Of the bytes of numbers, as :mod:`struct` writes it.
        explicit: Whether elements say their value representation.
    """
    start, last, found = 0, -1, 0
    while len(head) - start >= 12:
        found_group, element = struct.unpack_from(f'{order}HH', head, start)
        if found_group != group:
            break
        size, length = _header_of(head, start, order, explicit)
        if element <= last or length is None or (element == 0 and length != 4):  # element 0 is the group's length
            return False
        found += 1
        if length == _UNDEFINED:  # a sequence, whose end is not looked for
            break
        if length % 2 or length > _LONGEST:
            return False
        start, last = start + size + length, element
    return found >= _FEWEST_ELEMENTS


def _header_of(head: bytes, start: int, order: str, explicit: bool) -> tuple[int, int | None]:
    """Return the bytes before the value of an element, and the length of the value; None if there is no such VR."""
    if not explicit:
        return 8, struct.unpack_from(f'{order}I', head, start + 4)[0]
    vr = head[start + 4 : start + 6]
    if vr in _SHORT_VRS:
        return 8, struct.unpack_from(f'{order}H', head, start + 6)[0]
    return 12, struct.unpack_from(f'{order}I', head, start + 8)[0] if vr in _LONG_VRS else None
