"""Functional groups of enhanced multi-frame DICOM files, which hold what other classes have in the header itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom import Dataset

_OF_GREY_VALUES = ('PixelValueTransformationSequence', 'FrameVOILUTSequence')


def items_of_groups(header: Dataset, name: str, frame: int | None = None) -> Iterator[Dataset]:
    """Yield the items of a sequence in the functional groups.

    Args:
        header: The header.
        name: Keyword of the sequence.
        frame: Index of a frame from 0, whose own groups are taken beside those that all frames share; None for all.
    """
    shared = header.get('SharedFunctionalGroupsSequence') or ()
    of_frames = header.get('PerFrameFunctionalGroupsSequence') or ()
    for group in (*shared, *(of_frames if frame is None else of_frames[frame : frame + 1])):
        yield from group.get(name) or ()


def header_of_frame(header: Dataset, frame: int) -> Dataset:
    """Return a header in which the rescaling (0028,1052) and the VOI window of a frame are in their usual place.

    Args:
        header: The header. It is not changed.
        frame: Index of the frame from 0.
    """
    import pydicom

    items = [item for name in _OF_GREY_VALUES for item in items_of_groups(header, name, frame)]
    if not items:
        return header
    whole = pydicom.Dataset(header)
    for item in items:
        whole.update(item)
    return whole
