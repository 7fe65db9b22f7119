"""Reads a file once more where a disk on the network may have failed for a moment."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from mmengine.logging import print_log

from aurora_mm.images.image_header import BadImage

P = ParamSpec('P')
T = TypeVar('T')

WAITS = (1.0, 4.0)
"""Seconds before the second and the third try, which is the last one."""

# How a disk on the network says that it is away; a file of it may be missing as well.
_PASSING = {
    errno.ENOENT, errno.EIO, errno.EAGAIN, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.EREMOTEIO,
    errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH, errno.ECONNRESET, errno.ECONNABORTED,
    errno.ENODEV, errno.ENXIO,
}  # fmt: skip


def read_with_retries(read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Calls a function that reads a file, up to three times within some seconds.

    It is called again if the operating system said that the file or its disk is not there. A file that was read and is
    no image is not read again.

    Args:
        read: The function.
        args, kwargs: Its arguments.

    Returns:
        What it gave.

    Raises:
        BadImage: Of the last try.
    """
    for wait in WAITS:
        try:
            return read(*args, **kwargs)
        except BadImage as bad:
            cause = bad.__cause__
            if not isinstance(cause, OSError) or cause.errno not in _PASSING:
                raise
            text = f'{cause.filename} {bad}; it is read again in {wait:g} s'
            print_log(text, logger='current', level=logging.WARNING)
            time.sleep(wait)
    return read(*args, **kwargs)
