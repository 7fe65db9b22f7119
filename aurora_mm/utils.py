"""Small helpers without a home of their own."""

from __future__ import annotations

import os
import tempfile
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.table import Table


def render_table(table: Table) -> str:
    """A rich table as plain text, for log files. A cell such as '[px]' is text and no markup."""
    buffer = StringIO()
    # Wide enough that rich never cuts a cell; it draws a table no wider than it is.
    Console(file=buffer, width=240, color_system=None, markup=False, emoji=False).print(table)
    return '\n'.join(line.rstrip() for line in buffer.getvalue().splitlines())


def write_text(path: str | Path, text: str) -> None:
    """Writes a file whole or not at all: a reader never meets half of it, an error leaves the old one."""
    write_bytes(path, text.encode('utf-8'))


def write_bytes(path: str | Path, data: bytes) -> None:
    """As :func:`write_text`."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f'.{path.name}.')
    try:
        with os.fdopen(handle, 'wb') as file:
            file.write(data)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
