"""How far an epoch, a validation or a test is: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column

from aurora_mm.engine.console.console import console

_REFRESH = 0.2  # seconds between two drawings of a bar
_DETAILS = 5.0  # seconds between two looks at what stands beside it: losses are read from the device for that


class TerminalProgress:
    """A bar with the time that is left, drawn again as steps are done.

    No thread draws it: workers of a data loader are forked while it is on the screen.

    Args:
        name: What goes on.
        total: Steps.
        done: Steps that are done already.
        stays: Whether the full bar stays on the screen.
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
        """Draws the bar."""
        self._bar.start()

    def advance(self, details: Callable[[], str] = str) -> None:
        """One step is done.

        Args:
            details: What to show beside the steps; asked every few seconds and at the last step.
        """
        self._done += 1
        now = time.monotonic()
        if now - self._drawn >= _REFRESH or self._done == self._total:
            self._drawn = now
            if now - self._asked >= _DETAILS or self._done == self._total:
                self._details, self._asked = details(), now
            self._bar.update(self._task, completed=self._done, details=self._details, refresh=True)

    def close(self) -> None:
        """Leaves the bar as it is, or takes it away."""
        self._bar.stop()


class LineProgress:
    """A line every so many steps: for log files and pipes.

    Args:
        name: What goes on.
        total: Steps.
        done: Steps that are done already.
        stays: Whether the last step has a line in any case.
        interval: Steps between two lines.
    """

    def __init__(self, name: str, total: int, done: int = 0, stays: bool = True, interval: int = 50) -> None:
        self._name, self._total, self._done, self._stays, self._interval = name, total, done, stays, interval
        self._begun, self._begun_with = time.monotonic(), done

    def start(self) -> None:
        """The first line comes with the first steps."""

    def advance(self, details: Callable[[], str] = str) -> None:
        """As :meth:`TerminalProgress.advance`."""
        self._done += 1
        last = self._done == self._total
        if self._done % self._interval == 0 or (last and self._stays):
            took = time.monotonic() - self._begun
            pace = took / (self._done - self._begun_with)
            clock = duration(took) if last else f'{duration(pace * (self._total - self._done))} left'
            console().print(f'{self._name}  {self._done}/{self._total}  {clock}  {details()}'.rstrip())

    def close(self) -> None:
        """Nothing is left to do."""


def duration(seconds: float) -> str:
    """Seconds as hours, minutes and seconds: ``'0:01:05'``."""
    return str(timedelta(seconds=round(seconds)))
