"""Where a checkpoint that is made from others may be written."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Sequence
from pathlib import Path

from aurora_mm.errors import OutputError

_OF_TRAINING = re.compile(r'(epoch|iter)_\d+\.pth|best_.*\.pth')  # names of files that a training writes


def check_derived_file(out: str | Path, sources: Sequence[str | Path] = ()) -> None:
    """Check that a checkpoint can be written without losing another one, before it is computed.

    Args:
        out: File to write. An existing file is replaced, unless it is a source or a checkpoint of a training run.
        sources: Checkpoints that it is made from.

    Raises:
        OutputError: If the file cannot be written, or a checkpoint would be lost.
    """
    out = Path(out)
    if out.is_dir():
        raise OutputError(f'cannot write {out}: it is a folder; name the file to write')
    if out.exists() and (_OF_TRAINING.fullmatch(out.name) or any(_is_same(out, source) for source in sources)):
        raise OutputError(f'{out} is a checkpoint that would be lost; name another file to write')
    folder = next(parent for parent in out.absolute().parents if parent.exists())
    if not folder.is_dir():
        raise OutputError(f'cannot write {out}: {os.strerror(errno.ENOTDIR)}')
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f'cannot write {out}: {os.strerror(errno.EACCES)}')


def _is_same(out: Path, source: str | Path) -> bool:
    return Path(source).exists() and out.samefile(source)
