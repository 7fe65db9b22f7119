"""Tables as text: Markdown for files, lines for a console."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import StringIO

from rich.console import Console
from rich.table import Table


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Makes a Markdown table.

    Args:
        heads: Of the columns.
        rows: As many cells each. Line breaks and ``|`` in a cell are made harmless.

    Returns:
        Lines of text, each with its line break.
    """
    lines = ['| ' + ' | '.join(_escape(cell) for cell in cells) + ' |' for cells in (heads, *rows)]
    return '\n'.join([lines[0], '|---' * len(heads) + '|', *lines[1:]]) + '\n'


def console_text(table: Table) -> str:
    """Draws a rich table as plain text, for log files. A cell such as '[px]' is text and no markup."""
    buffer = StringIO()
    # Wide enough that rich never cuts a cell; it draws a table no wider than it is.
    Console(file=buffer, width=240, color_system=None, markup=False, emoji=False).print(table)
    return '\n'.join(line.rstrip() for line in buffer.getvalue().splitlines())


def _escape(cell: str) -> str:
    return ' '.join(cell.split('\n')).replace('|', '\\|')
