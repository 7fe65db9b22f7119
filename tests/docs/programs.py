"""What can be known of a documented command without running it: its program, its arguments, and files that it names."""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib.util
import io
import re
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from aurora_mm.apis import read_config
from aurora_mm.cli.main import load_verbs
from tests.docs.document_blocks import REPO


class CommandError(Exception):
    """A documented command does not work."""


class _ParsedError(Exception):
    def __init__(self, args: argparse.Namespace) -> None:
        super().__init__()
        self.parsed = args


def _stopping(parse: Callable[..., argparse.Namespace]) -> Callable[..., argparse.Namespace]:
    def stop(*args: object, **kwargs: object) -> argparse.Namespace:
        raise _ParsedError(parse(*args, **kwargs))

    return stop


def parsed(run: Callable[[], object], argv: Sequence[str]) -> argparse.Namespace:
    """The arguments that a program's own parser makes of ``argv``, of a program that is stopped there.

    Args:
        run: Calls the program, which parses ``sys.argv``.
        argv: Arguments without the program.
    """
    errors = io.StringIO()
    try:
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(errors):
            for name in ('parse_args', 'parse_intermixed_args'):
                patch.setattr(argparse.ArgumentParser, name, _stopping(getattr(argparse.ArgumentParser, name)))
            patch.setattr(sys, 'argv', ['program', *argv])
            run()
    except _ParsedError as done:
        return done.parsed
    except SystemExit as end:
        raise CommandError(errors.getvalue().strip().splitlines()[-1]) from end
    raise CommandError('the program parses no arguments')


def check(command: list[str], folder: Path) -> None:
    """Check a command as far as that goes without running it.

    Args:
        command: Program and arguments.
        folder: Where files lie that the page itself shows, such as a config.

    Raises:
        CommandError: If the program is unknown here, refuses the arguments, or a file of the repository that it names
            does not exist.
    """
    program, *argv = command
    if program not in _CHECKS:
        raise CommandError(f'no check for the program {program!r}; add one to tests/docs/programs.py')
    _CHECKS[program](argv, folder)


def _aurora_mm(argv: list[str], folder: Path) -> None:
    verbs = load_verbs()
    if not argv or argv[0].startswith('-'):
        return
    if argv[0] not in verbs:
        raise CommandError(f'aurora-mm has no verb {argv[0]!r}')
    args = parsed(lambda: verbs[argv[0]].main(argv[1:]), argv[1:])
    if hasattr(args, 'config') and isinstance(args.config, str):
        here = folder / args.config
        path = here if here.is_file() else REPO / args.config if '/' in args.config else args.config
        _read(str(path), tuple(getattr(args, 'cfg_options', ())))
    for word in argv[1:]:
        if word.startswith('configs/'):
            _exists(word.partition(':')[0])


@functools.cache
def _read(config: str, options: tuple[str, ...]) -> None:
    try:
        read_config(config, list(options))
    except Exception as error:
        raise CommandError(f'{config} {" ".join(options)}: {error}') from error


def _exists(path: str) -> Path:
    if not (REPO / path).exists():
        raise CommandError(f'the repository has no {path}')
    return REPO / path


def _python(argv: list[str], folder: Path) -> None:
    if argv[:1] == ['-m']:
        module, *rest = argv[1:]
        if module not in _MODULES:
            raise CommandError(f'no check for `python -m {module}`; add one to tests/docs/programs.py')
        _MODULES[module](rest, folder)
        return
    script = Path(argv[0])
    if script.is_absolute():  # of another package
        if not script.is_file():
            raise CommandError(f'there is no {script}')
        return
    found = _exists(argv[0])
    name = f'documented_{found.stem}'
    spec = importlib.util.spec_from_file_location(name, found)
    assert spec is not None and spec.loader is not None
    module_ = importlib.util.module_from_spec(spec)
    path = list(sys.path)
    sys.path.insert(0, str(found.parent))  # as Python does for a script
    sys.modules[name] = module_  # dataclasses look their module up
    try:
        spec.loader.exec_module(module_)
        if hasattr(module_, 'main'):
            parsed(module_.main, argv[1:])
    finally:
        sys.path[:] = path
        del sys.modules[name]


def _pytest(argv: list[str], folder: Path) -> None:
    for option, word in pairwise(['', *argv]):
        if word.startswith('tests'):
            _exists(f'{word.replace(".", "/")}.py' if option == '-p' else word.partition('::')[0])


def _torchrun(argv: list[str], folder: Path) -> None:
    if '-m' not in argv:
        raise CommandError('torchrun runs a module: -m aurora_mm')
    _python(argv[argv.index('-m') :], folder)


def _srun(argv: list[str], folder: Path) -> None:
    if 'aurora-mm' not in argv:
        raise CommandError('srun runs aurora-mm')
    _aurora_mm(argv[argv.index('aurora-mm') + 1 :], folder)


def _make(argv: list[str], folder: Path) -> None:
    targets = re.findall(r'^([\w-]+):', (REPO / 'Makefile').read_text(), re.MULTILINE)
    for word in argv:
        if '=' not in word and word not in targets:
            raise CommandError(f'the Makefile has no target {word!r}')


def _pip(argv: list[str], folder: Path) -> None:
    setup = (REPO / 'setup.py').read_text().partition('extras_require={')[2]
    extras = set(re.findall(r"^        '([\w-]+)':", setup, re.MULTILINE))
    for word in argv:
        for named in re.findall(r'^(?:\.|aurora_mm)\[(.*)\]', word):
            if unknown := set(named.split(',')) - extras:
                raise CommandError(f'setup.py has no extra {", ".join(sorted(unknown))}')


def _docker(argv: list[str], folder: Path) -> None:
    if '-f' in argv:
        _exists(argv[argv.index('-f') + 1])


def _not_ours(argv: list[str], folder: Path) -> None:
    """Arguments of a program of others are not checked."""


_CHECKS: dict[str, Callable[[list[str], Path], None]] = {
    'aurora-mm': _aurora_mm,
    'python': _python,
    'torchrun': _torchrun,
    'srun': _srun,
    'make': _make,
    'pip': _pip,
    'docker': _docker,
    'curl': _not_ours,
    'true': _not_ours,
}
_MODULES: dict[str, Callable[[list[str], Path], None]] = {
    'aurora_mm': _aurora_mm,
    'pytest': _pytest,
    'pip': _pip,
    'pynetdicom': _not_ours,
}
