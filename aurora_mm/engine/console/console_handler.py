"""Output of log records on the console."""

from __future__ import annotations

import logging

from aurora_mm.engine.console.console import ON_CONSOLE, console

# Warnings of MMEngine about its own code, which users cannot change.
_FALSE_ALARMS = ('"FileClient" will be deprecated', '"HardDiskBackend" is the alias')
# One for each frozen parameter; the header of a run says how many parameters learn.
_OF_FROZEN_PARAMETERS = 'is skipped since its requires_grad=False'
_STYLES = {logging.WARNING: 'yellow', logging.ERROR: 'bold red', logging.CRITICAL: 'bold red'}


class ConsoleHandler(logging.Handler):
    """Shows warnings, errors and texts logged by :func:`aurora_mm.engine.console.show`.

    Args:
        level: Lowest level of records that are handled.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is shown."""
        wanted = record.levelno >= logging.WARNING or getattr(record, ON_CONSOLE, False)
        text = str(record.msg)
        noise = text.startswith(_FALSE_ALARMS) or text.endswith(_OF_FROZEN_PARAMETERS)
        return bool(wanted and not noise and super().filter(record))

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, above the progress bar if there is one."""
        level = f'{record.levelname.lower()}: ' if record.levelno >= logging.WARNING else ''
        console().print(level + record.getMessage(), style=_STYLES.get(record.levelno))
