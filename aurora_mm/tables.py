"""Tables as text: Markdown for files, lines for a console."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from io import StringIO

from rich.console import Console
from rich.table import Table

# What starts an element of Markdown, a formula included; `_` does so only at the edge of a word.
_MARKUP = re.compile(r'[\\`*\[\]<>&|~$]|(?<![^\W_])_|_(?![^\W_])')
_ENTITIES = {'<': '&lt;', '>': '&gt;', '&': '&amp;'}  # readers that know no `\\<` take it for HTML


class Markdown(str):
    """A cell that is Markdown, such as ``Markdown('**mean**')``. Any other cell is text, whatever it holds."""

    __slots__ = ()


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Makes a Markdown table.

    Args:
        heads: Of the columns.
        rows: As many cells each. What stands in a cell is shown as it is: names of classes and files may hold HTML,
            ``|`` or formulas. A :class:`Markdown` cell is left as it is.

    Returns:
        Lines of text, each with its line break.
    """
    lines = ['| ' + ' | '.join(map(markdown_text, cells)) + ' |' for cells in (heads, *rows)]
    return '\n'.join([lines[0], '|---' * len(heads) + '|', *lines[1:]]) + '\n'


def markdown_text(text: str) -> str:
    """Makes text that any Markdown reader shows as it is, on one line."""
    if isinstance(text, Markdown):
        return text
    line = ''.join(c if c.isprintable() else ' ' for c in text)  # neither line breaks nor control characters
    return _MARKUP.sub(lambda found: _ENTITIES.get(found[0], f'\\{found[0]}'), line)


def console_text(table: Table) -> str:
    """Draws a rich table as plain text, for log files. A cell such as '[px]' is text and no markup."""
    buffer = StringIO()
    # Wide enough that rich never cuts a cell; it draws a table no wider than it is.
    Console(file=buffer, width=240, color_system=None, markup=False, emoji=False).print(table)
    return '\n'.join(line.rstrip() for line in buffer.getvalue().splitlines())
