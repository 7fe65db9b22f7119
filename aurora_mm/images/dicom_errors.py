"""What pydicom raises on broken files."""

from __future__ import annotations

import struct

_BUILT_IN = (
    *(OSError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RuntimeError),
    *(AssertionError, MemoryError, struct.error),
)


def reading_errors() -> tuple[type[Exception], ...]:
    """Return all that pydicom and its decoders raise on broken files; they have no common base class.

    For ``except reading_errors()``: it is only called where pydicom is installed.
    """
    from pydicom.errors import BytesLengthException, InvalidDicomError

    return (*_BUILT_IN, BytesLengthException, InvalidDicomError)


def first_line(error: Exception) -> str:
    """Return the first line of an error, without line ends that would break a log's rows."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
