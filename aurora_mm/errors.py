"""The exceptions of aurora_mm: what a user can mend, told in one message."""

from __future__ import annotations

from pathlib import Path


class AuroraError(Exception):
    """Base class of every error that a user of aurora_mm can mend.

    Attributes:
        exit_status: With which the command line ends.
    """

    exit_status = 1


class ConfigError(AuroraError):
    """A mistake in a config or an argument, or parts of a config that do not fit together, both named by the message.

    The command line ends as it does for an argument that it does not know.
    """

    exit_status = 2


class WeightsError(AuroraError):
    """Weights that are absent, incomplete or of another shape; the message names them."""


class OutputError(AuroraError):
    """A file or folder that cannot be written, or that another run is writing to; the message names it."""


class OperatorError(AuroraError):
    """A compiled operator that is not installed; the message names it and says how to get it."""


class PreemptedError(AuroraError):
    """A training that was asked to stop by a signal and can be resumed; the message names the checkpoint.

    The exit status is EX_TEMPFAIL of ``sysexits.h``, by which a scheduler knows that it should start the run again.
    """

    exit_status = 75


class DataError(AuroraError):
    """Bad data, with the place where it stands.

    Args:
        message: What is wrong, with the offending value.
        file: The file in which it stands (a CSV, an image or a mask).
        row: The line of ``file``, counted from 1 with the header as line 1.

    The constructor takes a lone message as well, because a ``DataLoader`` rebuilds a worker's exception
    from its text.
    """

    def __init__(self, message: str, *, file: str | Path | None = None, row: int | None = None) -> None:
        place = '' if file is None else f'{file}: ' if row is None else f'{file}, row {row}: '
        super().__init__(place + message)
