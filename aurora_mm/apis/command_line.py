"""How the scripts under ``tools/`` end."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence

from aurora_mm.errors import AuroraError


def command(main: Callable[..., None]) -> Callable[..., None]:
    """Turns an error that the user can mend into its message and exit status 2, without a traceback."""

    @functools.wraps(main)
    def run(argv: Sequence[str] | None = None) -> None:
        try:
            main(argv)
        except AuroraError as error:
            print(f'error: {error}', file=sys.stderr)
            sys.exit(2)

    return run
