"""Functions that write files atomically: completely or not at all.

All files of the package are written by these functions. The content is written to a hidden file in the same folder,
flushed to the disk, and then renamed to the target. Readers never see an incomplete file. If the disk is full, the
process is killed or the power fails, the file that was there before is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from aurora_mm.atomic_writes import flush_content, flush_names, output_errors, partial_path
from aurora_mm.errors import OutputError


@contextmanager
def whole_file(path: str | Path, flush: bool = True) -> Iterator[Path]:
    """Create a temporary file that replaces ``path`` at the end of the block, and is removed if the block raises.

    Args:
        path: The target file. Missing parent folders are created.
        flush: Whether to wait until the file is on the disk. False for files that can be made again: they may be
            incomplete if the power fails.

    Yields:
        Path of an empty file in the same folder. It must be written and closed within the block.

    Raises:
        OutputError: If the disk is full, the folder cannot be written, or the target is a folder.
    """
    path = Path(path)
    partial = partial_path(path)
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.touch(exist_ok=False)
    try:
        with output_errors(path, within=partial):
            yield partial
        with output_errors(path):
            if flush:
                flush_content(partial)
            partial.replace(path)
            if flush:
                flush_names(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def write_bytes(path: str | Path, data: bytes, flush: bool = True) -> None:
    """Write a file atomically.

    Args:
        path: The target file.
        data: The content.
        flush: See :func:`whole_file`.

    Raises:
        OutputError: See :func:`whole_file`.
    """
    with whole_file(path, flush) as partial:
        partial.write_bytes(data)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file atomically, in UTF-8. Line ends are not changed.

    Args:
        path: The target file.
        text: The content.

    Raises:
        OutputError: See :func:`whole_file`.
    """
    write_bytes(path, text.encode('utf-8'))


def write_image(path: str | Path, pixels: NDArray[np.uint8]) -> None:
    """Write an image file atomically.

    Args:
        path: The target file, such as ``mask.png``. Its suffix determines the format.
        pixels: ``(H, W)`` grey or ``(H, W, 3)`` BGR, uint8.

    Raises:
        OutputError: See :func:`whole_file`; also if OpenCV cannot write the format.
    """
    suffix = Path(path).suffix
    try:
        encoded, data = cv2.imencode(suffix, pixels)
    except cv2.error as error:
        raise OutputError(f'cannot write {path}: OpenCV cannot write {suffix or "nameless"} images') from error
    if not encoded:
        raise OutputError(f'cannot write {path}: OpenCV cannot encode it')
    write_bytes(path, data.tobytes())


def write_figure(path: str | Path, figure: Any) -> None:
    """Write a figure of matplotlib atomically.

    Args:
        path: The target file. Its suffix determines the format.
        figure: The figure.

    Raises:
        OutputError: See :func:`whole_file`.
    """
    buffer = BytesIO()
    figure.savefig(buffer, format=Path(path).suffix.removeprefix('.') or None)
    write_bytes(path, buffer.getvalue())


def write_together(folder: str | Path, texts: Mapping[str, str]) -> None:
    """Write several text files that belong together, such that files of an old and a new set are never mixed.

    All files are completely written before the first one is renamed to its target. The last file is a sign of a
    complete set: the old one is removed before any file is replaced, and the new one is put in place last.

    Args:
        folder: The target folder.
        texts: Content by file name, in the order of writing.

    Raises:
        OutputError: See :func:`whole_file`.
    """
    folder = Path(folder)
    names = list(texts)
    with ExitStack() as stack:
        for name in reversed(names):  # the context that is entered last is left first
            partial = stack.enter_context(whole_file(folder / name))
            with output_errors(folder / name):
                partial.write_text(texts[name], encoding='utf-8', newline='')
                flush_content(partial)
        with output_errors(folder / names[-1]):
            (folder / names[-1]).unlink(missing_ok=True)
