"""The entry point of the command line."""

from __future__ import annotations

import argparse
import difflib
import pkgutil
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from aurora_mm.cli import verbs
from aurora_mm.cli.command import verb_name
from aurora_mm.version import __version__

_DESCRIPTION = """\
AURORA: one model for many ultrasound tasks.

  aurora-mm VERB --help says what a verb takes. `python -m aurora_mm VERB` is the same."""


def load_verbs() -> dict[str, ModuleType]:
    """Import the modules of all verbs, and return them by the name of the verb in alphabetical order."""
    modules = [import_module(f'{verbs.__name__}.{found.name}') for found in pkgutil.iter_modules(verbs.__path__)]
    return {verb_name(module.__name__): module for module in modules}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the verb in the first argument with the other arguments.

    Args:
        argv: Command line arguments. By default ``sys.argv[1:]``.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    known = load_verbs()
    if argv and argv[0] in known:
        known[argv[0]].main(argv[1:])
        return
    width = max(map(len, known))
    lines = [f'  {name:<{width}}  {(module.__doc__ or "").splitlines()[0]}' for name, module in known.items()]
    parser = argparse.ArgumentParser(
        prog='aurora-mm',
        usage='aurora-mm VERB ...',
        description=_DESCRIPTION,
        epilog='verbs:\n' + '\n'.join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--version', action='version', version=f'aurora_mm {__version__}')
    if not argv:
        parser.print_help()
        return
    if not argv[0].startswith('-'):
        near = difflib.get_close_matches(argv[0], known)
        parser.error(f'no verb {argv[0]!r}' + (f'; did you mean {" or ".join(near)}?' if near else '; see --help'))
    parser.parse_args(argv)
