"""The answer to a C-STORE request: a file in the queue, or a status that says why not."""

from __future__ import annotations

import re
from typing import Any

from aurora_mm.dicom.source import DicomSource
from aurora_mm.dicom_node.disk_queue import DiskQueue, QueueFull
from aurora_mm.errors import OutputError
from aurora_mm.images.image_header import BadImage
from aurora_mm.images.reading import open_image_file

SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700
WRONG_CLASS = 0xA900
CANNOT_UNDERSTAND = 0xC000

WORDS = {
    SUCCESS: 'stored',
    OUT_OF_RESOURCES: 'refused: the queue is full or cannot be written',
    WRONG_CLASS: 'refused: the object is not what the request says',
    CANNOT_UNDERSTAND: 'refused: no image that can be read',
}

_UID = re.compile(r'[0-9][0-9.]{0,63}')  # a file whose name begins with a dot is hidden, and would wait for ever


class _WrongClass(Exception):
    """The object has another class or identifier than its request."""


def receive(event: Any, queue: DiskQueue) -> int:
    """Put the object of a C-STORE request into a queue; its first frame is decoded, to be sure that it is an image.

    Args:
        event: Of pynetdicom.
        queue: For the file, under its SOP Instance UID.

    Returns:
        The status of the answer (PS3.4 GG.4-1).
    """
    uid = str(event.request.AffectedSOPInstanceUID)
    if not _UID.fullmatch(uid):
        return CANNOT_UNDERSTAND
    try:
        with queue.put(f'{uid}.dcm') as file:
            file.write_bytes(event.encoded_dataset())
            header = DicomSource(file).header
            if header.SOPInstanceUID != uid or header.SOPClassUID != event.request.AffectedSOPClassUID:
                raise _WrongClass
            image = open_image_file(file)
            image.read(None if image.frames == 1 else 0)
    except _WrongClass:
        return WRONG_CLASS
    except BadImage:
        return CANNOT_UNDERSTAND
    except (QueueFull, OutputError):
        return OUT_OF_RESOURCES
    return SUCCESS
