"""Every file of a data set decoded once, before training rather than in the middle of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mmengine.dist import is_main_process
from rich.progress import track

from aurora_mm.datasets.transforms import LoadTaskAnnotations, LoadUltrasoundImage
from aurora_mm.errors import DataError

_MOST_THREADS = 8


def verify_entries(entries: Sequence[dict[str, Any]], with_labels: bool) -> list[str | None]:
    """Read each entry's image and annotation as training would, with a progress bar.

    Args:
        entries: Items of a ``data_list``; not changed.
        with_labels: Whether to check annotations against the image too.

    Returns:
        For each entry, what is wrong with it, or None.
    """
    steps = [LoadUltrasoundImage(), LoadTaskAnnotations()] if with_labels else [LoadUltrasoundImage()]

    def problem(entry: dict[str, Any]) -> str | None:
        results: dict[str, Any] = dict(entry)
        try:
            for step in steps:
                results = step.transform(results)
        except DataError as error:
            return str(error)
        return None

    # Decoding runs outside of Python's lock, so threads suffice.
    with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1)) as pool:
        found = pool.map(problem, entries)
        return list(track(found, 'Checking files', total=len(entries), disable=not is_main_process()))


def leave_out_bad(
    entries: Sequence[dict[str, Any]], with_labels: bool
) -> tuple[list[dict[str, Any]], list[tuple[dict[str, Any], str]]]:
    """The entries whose files are right, and the others, each with what is wrong; see :func:`verify_entries`."""
    problems = verify_entries(entries, with_labels)
    pairs = list(zip(entries, problems, strict=True))
    kept = [entry for entry, text in pairs if text is None]
    return kept, [(entry, text) for entry, text in pairs if text is not None]
