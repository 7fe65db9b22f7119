"""Tables as text: Markdown for files, plain text for a console."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from io import StringIO

from rich.console import Console
from rich.table import Table

# Characters that start Markdown markup or a formula; `_` does so only at the edge of a word.
_MARKUP = re.compile(r'[\\`*\[\]<>&|~$]|(?<![^\W_])_|_(?![^\W_])')
_ENTITIES = {'<': '&lt;', '>': '&gt;', '&': '&amp;'}  # some Markdown readers do not know `\\<` and take it for HTML


class Markdown(str):
    """A cell that already is Markdown, such as ``Markdown('**mean**')``. Any other cell is escaped."""

    __slots__ = ()


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Format a Markdown table.

    Args:
        heads: Heading of each column.
        rows: Cells of each row, as many as there are headings. Cells are escaped, because names of classes and files
            may contain HTML, ``|`` or formulas; :class:`Markdown` cells are not.

    Returns:
        The table as text. Every line ends with a line break.
    """
    lines = ['| ' + ' | '.join(map(markdown_text, cells)) + ' |' for cells in (heads, *rows)]
    return '\n'.join([lines[0], '|---' * len(heads) + '|', *lines[1:]]) + '\n'


def markdown_text(text: str) -> str:
    """Escape text so that any Markdown reader shows it unchanged, on one line. :class:`Markdown` is not escaped."""
    if isinstance(text, Markdown):
        return text
    line = ''.join(c if c.isprintable() else ' ' for c in text)  # neither line breaks nor control characters
    return _MARKUP.sub(lambda found: _ENTITIES.get(found[0], f'\\{found[0]}'), line)


def console_text(table: Table) -> str:
    """Format a rich table as plain text, for log files. Cells such as '[px]' are not read as rich's markup."""
    buffer = StringIO()
    # Wide enough that rich never cuts a cell; a narrower table is not stretched.
    Console(file=buffer, width=240, color_system=None, markup=False, emoji=False).print(table)
    return '\n'.join(line.rstrip() for line in buffer.getvalue().splitlines())
