"""Types of numbers for the arguments of verbs."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def whole_number_from(least: int) -> Callable[[str], int]:
    """Return a type for ``add_argument`` that takes whole numbers from a least one on."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise argparse.ArgumentTypeError(f'{text!r} is no whole number of {least} or more')
        return number

    return read


count = whole_number_from(1)
"""Type for ``add_argument`` of numbers of things of which at least one is needed."""
