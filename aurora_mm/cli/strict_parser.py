from __future__ import annotations

import argparse
from typing import Any


class StrictParser(argparse.ArgumentParser):
    """A parser that refuses an option with a value that is given twice.

    ``argparse`` keeps the last value alone and says nothing: of ``--cfg-options a=1 --cfg-options b=2`` the first
    override would be lost.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in (None, 'store'):
            self.register('action', name, _StoreOnce)


class _StoreOnce(argparse.Action):
    """Argparse's action ``store``, once."""

    _is_given = False

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        if option_string is not None:
            if self._is_given:
                several = '; write all its values behind one' if self.nargs in ('+', '*') else ''
                raise argparse.ArgumentError(self, f'given twice, and only the last would count{several}')
            self._is_given = True
        setattr(namespace, self.dest, values)
