"""Progress of an epoch, a validation or a test: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column

from aurora_mm.console import console

_REFRESH = 0.2  # seconds between two drawings of a bar
_DETAILS = 5.0  # seconds between two updates of the text beside it, for which losses are read from the device


class TerminalProgress:
    """A progress bar with the time left.

    It is drawn without a thread, because workers of a data loader are forked while it is on the screen.

    Args:
        name: Text before the bar.
        total: Number of steps.
        done: Number of steps that are already done.
        stays: Whether the finished bar stays on the screen.
    """

    def __init__(self, name: str, total: int, done: int = 0, stays: bool = True) -> None:
        self._bar = Progress(
            TextColumn('{task.description}', markup=False),
            BarColumn(20),
            MofNCompleteColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
            TextColumn(
                '{task.fields[details]}', markup=False, table_column=Column(no_wrap=True, overflow='ellipsis', ratio=1)
            ),
            console=console(),
            auto_refresh=False,
            transient=not stays,
            expand=True,
        )
        self._task = self._bar.add_task(name, total=total, completed=done, details='')
        self._total, self._done, self._drawn = total, done, 0.0
        self._details, self._asked = '', 0.0

    def start(self) -> None:
        """Draw the bar."""
        self._bar.start()

    def advance(self, details: Callable[[], str] = str) -> None:
        """Count one step.

        Args:
            details: Returns the text beside the steps; called every few seconds and at the last step.
        """
        self._done += 1
        now = time.monotonic()
        if now - self._drawn >= _REFRESH or self._done == self._total:
            self._drawn = now
            if now - self._asked >= _DETAILS or self._done == self._total:
                self._details, self._asked = details(), now
            self._bar.update(self._task, completed=self._done, details=self._details, refresh=True)

    def close(self) -> None:
        """Stop the bar, and remove it unless it stays."""
        self._bar.stop()


class LineProgress:
    """Prints a line at an interval of steps, for log files and pipes.

    Args:
        name: Text at the beginning of a line.
        total: Number of steps.
        done: Number of steps that are already done.
        stays: Whether the last step always prints a line.
        interval: Steps between two lines.
    """

    def __init__(self, name: str, total: int, done: int = 0, stays: bool = True, interval: int = 50) -> None:
        self._name, self._total, self._done, self._stays, self._interval = name, total, done, stays, interval
        self._begun, self._begun_with = time.monotonic(), done

    def start(self) -> None:
        """Do nothing; the first line is printed by :meth:`advance`."""

    def advance(self, details: Callable[[], str] = str) -> None:
        """Count one step; see :meth:`TerminalProgress.advance`."""
        self._done += 1
        last = self._done == self._total
        if self._done % self._interval == 0 or (last and self._stays):
            took = time.monotonic() - self._begun
            pace = took / (self._done - self._begun_with)
            clock = duration(took) if last else f'{duration(pace * (self._total - self._done))} left'
            console().print(f'{self._name}  {self._done}/{self._total}  {clock}  {details()}'.rstrip())

    def close(self) -> None:
        """Do nothing."""


def duration(seconds: float) -> str:
    """Format seconds as hours, minutes and seconds: ``'0:01:05'``."""
    return str(timedelta(seconds=round(seconds)))
