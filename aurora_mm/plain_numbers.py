"""Numbers in text files."""

from __future__ import annotations

import math
import re

# Python's float() also accepts '1_000', 'infinity' and digits of other scripts.
_NUMBER = re.compile(r'[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?')


def plain_number(text: str) -> float:
    """Return the finite number that a text is, as data files have numbers: ASCII digits, a decimal point, an exponent.

    Raises:
        ValueError: If it is none.
    """
    value = float(text) if _NUMBER.fullmatch(text.strip()) else math.nan
    if not math.isfinite(value):
        raise ValueError(f'{text[:80]!r} is not a number')
    return value
