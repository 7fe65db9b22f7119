"""Types of numbers for the arguments of verbs."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def whole_number_from(least: int) -> Callable[[str], int]:
    """Return a type for ``add_argument`` that takes whole numbers from a least one on, which is 0 or more."""

    def read(text: str) -> int:
        if not text.strip().isdecimal() or int(text) < least:  # int() alone reads 1_000 too
            raise argparse.ArgumentTypeError(f'{text!r} is no whole number of {least} or more')
        return int(text)

    return read


count = whole_number_from(1)
"""Type for ``add_argument`` of numbers of things of which at least one is needed."""
