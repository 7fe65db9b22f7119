"""The console of a run."""

from __future__ import annotations

import logging
from functools import cache

from rich.console import Console

ON_CONSOLE = 'on_console'
"""The attribute of a log record that is shown on the console whatever its level."""


@cache
def console() -> Console:
    """The console that a run writes to, on stdout. All writes go through it, so that none tears a progress bar."""
    return Console(highlight=False, markup=False, emoji=False, soft_wrap=True)


def show(logger: logging.Logger, text: str) -> None:
    """Logs what a person who watches the run wants to read: it goes to the log file and to the console.

    Args:
        logger: Of the run.
        text: One line or several.
    """
    logger.info(text, extra={ON_CONSOLE: True})
