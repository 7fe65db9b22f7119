"""The text that names one picture: a path, with a frame where the file holds several."""

from __future__ import annotations

import re
from pathlib import Path

_FRAME = re.compile(r'#frame=(\d{1,9})$')


def split_source(source: str | Path) -> tuple[Path, int | None]:
    """The file and the frame of a source.

    Args:
        source: A path, or a path and ``#frame=N``, with N counted from 0.

    Returns:
        The path, and the frame or None.
    """
    text = str(source)
    found = _FRAME.search(text)
    return (Path(text[: found.start()]), int(found[1])) if found else (Path(text), None)


def frame_source(path: str | Path, frame: int) -> str:
    """The source of one frame of a file, counted from 0."""
    return f'{path}#frame={frame}'
