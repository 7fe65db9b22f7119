"""The argument ``--imports`` of verbs without a config, instead of ``custom_imports``."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Iterable

from aurora_mm.errors import ConfigError


def add_imports_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--imports``, a list of modules that register task types, metrics or other parts of the user."""
    parser.add_argument(
        '--imports',
        nargs='+',
        default=(),
        metavar='MODULE',
        help='modules that register parts of your own, as custom_imports of a config names them',
    )


def import_modules(names: Iterable[str]) -> None:
    """Import the modules that the user listed. Modules that only result files name are never imported.

    Args:
        names: Names of the modules.

    Raises:
        ConfigError: If a module cannot be imported.
    """
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise ConfigError(f'--imports {name}: {error}') from error
