"""Reads every file of a data set before training, to find bad ones."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from joblib import cpu_count
from mmcv.transforms import BaseTransform
from mmengine.dist import is_main_process
from rich.progress import track

from aurora_mm.datasets.transforms import LoadTaskAnnotations, LoadUltrasoundImage
from aurora_mm.errors import DataError

_MOST_THREADS = 8


def verify_items(items: Sequence[dict[str, Any]], with_labels: bool) -> list[str | None]:
    """Read the image and the annotation of each item in the same way as in training, with a progress bar.

    Args:
        items: Items of a ``data_list``. They are not changed.
        with_labels: Whether to read and check annotations too.

    Returns:
        The error message of each item, None if it is valid.
    """
    steps: list[BaseTransform] = (
        [LoadUltrasoundImage(), LoadTaskAnnotations()] if with_labels else [LoadUltrasoundImage()]
    )

    def problem(item: dict[str, Any]) -> str | None:
        results: dict[str, Any] = dict(item)
        try:
            for step in steps:
                results = step.transform(results)
        except DataError as error:
            return str(error)
        return None

    # Decoding releases Python's global lock, so threads are enough.
    with ThreadPoolExecutor(min(_MOST_THREADS, cpu_count())) as pool:
        found = pool.map(problem, items)
        return list(track(found, 'Checking files', total=len(items), disable=not is_main_process()))


def leave_out_bad(
    items: Sequence[dict[str, Any]], with_labels: bool
) -> tuple[list[dict[str, Any]], list[tuple[dict[str, Any], str]]]:
    """Separate valid items from bad ones, see :func:`verify_items`.

    Args:
        items: Items of a ``data_list``. They are not changed.
        with_labels: Whether to read and check annotations too.

    Returns:
        The valid items; and the bad ones, each with its error message.
    """
    problems = verify_items(items, with_labels)
    pairs = list(zip(items, problems, strict=True))
    kept = [item for item, text in pairs if text is None]
    return kept, [(item, text) for item, text in pairs if text is not None]
