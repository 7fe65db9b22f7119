"""Whether files may run code: the user's own decision, made once for a process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

VARIABLE = 'AURORA_TRUST'
HOW_TO = f'if you trust where it comes from, read it with --trust (in other programs: {VARIABLE}=1)'


def is_trusted() -> bool:
    """Whether the user said that the checkpoints of this process may run code."""
    return os.environ.get(VARIABLE) == '1'


@contextmanager
def trust_checkpoints() -> Iterator[None]:
    """Lets checkpoints that are read in the block run code on this machine, as ``--trust`` does.

    A checkpoint of aurora_mm holds plain values and tensors, and needs no trust. One of an older version, or of another
    program, may be a Python pickle: reading it can run anything that its author put in, with all that you may do.

    Example:
        >>> with trust_checkpoints():
        ...     inferencer = MultiTaskInferencer('old.pth')
    """
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = '1'
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before
