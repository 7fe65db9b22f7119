"""Output of log records on the console."""

from __future__ import annotations

import logging

from mmengine.dist import is_main_process
from mmengine.logging import MMLogger

from aurora_mm.console.console import ON_CONSOLE, console

# Warnings of MMEngine about its own code, which users cannot change.
_FALSE_ALARMS = ('"FileClient" will be deprecated', '"HardDiskBackend" is the alias')
# One for each frozen parameter; the header of a run says how many parameters learn.
_OF_FROZEN_PARAMETERS = 'is skipped since its requires_grad=False'
_STYLES = {logging.WARNING: 'yellow', logging.ERROR: 'bold red', logging.CRITICAL: 'bold red'}


class ConsoleHandler(logging.Handler):
    """Shows warnings, errors and texts logged by :func:`aurora_mm.console.show`.

    Of the processes of a distributed run, all but the first show errors alone.

    Args:
        level: Lowest level of records that are handled.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is shown."""
        least = logging.WARNING if is_main_process() else logging.ERROR
        wanted = record.levelno >= least or (getattr(record, ON_CONSOLE, False) and is_main_process())
        text = str(record.msg)
        noise = text.startswith(_FALSE_ALARMS) or text.endswith(_OF_FROZEN_PARAMETERS)
        return bool(wanted and not noise and super().filter(record))

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, above the progress bar if there is one."""
        level = f'{record.levelname.lower()}: ' if record.levelno >= logging.WARNING else ''
        console().print(level + record.getMessage(), style=_STYLES.get(record.levelno))


def use_console(logger: MMLogger) -> MMLogger:
    """Put a :class:`ConsoleHandler` in the place of a logger's handler for stdout.

    Args:
        logger: Changed in place.

    Returns:
        ``logger``.
    """
    for index, handler in enumerate(logger.handlers):
        if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
            logger.handlers[index] = short = ConsoleHandler(handler.level)
            short.filters = handler.filters
    return logger
