"""Keeps metrics of other packages from filling the console."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator

from mmengine.logging import MMLogger


@contextlib.contextmanager
def suppress_output() -> Iterator[None]:
    """Holds back what is printed, and what is logged below a warning, within a ``with`` block.

    Each metric of mmseg and mmdet logs a table and pycocotools prints another one. Once for every task, they would
    bury the scores.
    """
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(max(level, logging.WARNING))
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)
