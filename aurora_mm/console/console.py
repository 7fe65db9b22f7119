"""The console of a command."""

from __future__ import annotations

import logging
from functools import cache

from rich.console import Console

ON_CONSOLE = 'on_console'
"""Attribute of log records that are shown on the console at any level."""


@cache
def console() -> Console:
    """Return the console of a command, on stdout. All is to be written to it, so that progress bars stay intact."""
    return Console(highlight=False, markup=False, emoji=False, soft_wrap=True)


def show(logger: logging.Logger, text: str) -> None:
    """Log a text for the person who watches the run: it is written to the log file and the console.

    Args:
        logger: Logger of the run.
        text: One or more lines.
    """
    logger.info(text, extra={ON_CONSOLE: True})
