"""Suppression of the output of foreign metrics."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator

from mmengine.logging import MMLogger


@contextlib.contextmanager
def suppress_output() -> Iterator[None]:
    """Suppress printed text, and log messages below a warning, within a ``with`` block.

    Metrics of mmseg and mmdet log a table, and pycocotools prints another. Once for every task, they would hide the
    scores.
    """
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(max(level, logging.WARNING))
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)
