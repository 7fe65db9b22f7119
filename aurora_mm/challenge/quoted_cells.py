"""Finds out whether the quotes of CSV rows can be read in one way only."""

from __future__ import annotations

import numpy as np

_QUOTE, _COMMA, _NEWLINE, _RETURN = b'",\n\r'


def are_quotes_plain(rows: bytes) -> bool:
    """Return whether every quote encloses a whole cell of one line, or is doubled within such a cell.

    Args:
        rows: Whole lines of a CSV file, in which carriage returns stand before line feeds alone.
    """
    values = np.frombuffer(rows, np.uint8)
    quotes = np.flatnonzero(values == _QUOTE)
    if not len(quotes):
        return True
    if len(quotes) % 2:
        return False
    opening, closing = quotes[::2], quotes[1::2]
    doubled = closing[:-1] + 1 == opening[1:]
    opening, closing = opening[np.append(True, ~doubled)], closing[np.append(~doubled, True)]
    ends = np.flatnonzero(values == _NEWLINE)
    if (np.searchsorted(ends, opening) != np.searchsorted(ends, closing)).any():
        return False
    last = len(values) - 1
    before = np.where(opening == 0, _NEWLINE, values[opening - 1])
    after = np.where(closing == last, _NEWLINE, values[np.minimum(closing + 1, last)])
    return bool(np.isin(before, (_COMMA, _NEWLINE)).all() and np.isin(after, (_COMMA, _NEWLINE, _RETURN)).all())
