"""Parsing of arguments and handling of errors for all verbs of the command line."""

from __future__ import annotations

import argparse
import functools
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence

from aurora_mm.cli.faults import fault_message
from aurora_mm.cli.strict_parser import StrictParser
from aurora_mm.cli.threads import set_threads
from aurora_mm.errors import AuroraError, PreemptedError

INTERRUPTED = 130  # 128 + SIGINT, as shells have it

Run = Callable[[argparse.Namespace], None]
Main = Callable[[Sequence[str] | None], None]


def command(
    add_arguments: Callable[[argparse.ArgumentParser], None], error_status: int | None = None
) -> Callable[[Run], Main]:
    """Create the ``main`` function of a verb from a function that takes parsed arguments.

    The name of the module is the name of the verb, and its docstring is the description of the verb. For an AuroraError
    or an error of the machine, such as a full disk, the process prints one sentence to stderr and exits. For Ctrl-C it
    exits with status 130. ``--traceback`` adds the traceback. Other exceptions are bugs and are not caught.

    Args:
        add_arguments: Function that adds the arguments of the verb to a parser.
        error_status: Exit status for errors. By default the ``exit_status`` of the error.

    Returns:
        A decorator. The decorated function takes the command line arguments as a list of text, by default
        ``sys.argv[1:]``.
    """

    def decorate(run: Run) -> Main:
        @functools.wraps(run)
        def main(argv: Sequence[str] | None = None) -> None:
            module = sys.modules[run.__module__]
            parser = StrictParser(
                prog=f'aurora-mm {verb_name(module.__name__)}',
                description=module.__doc__,
                formatter_class=argparse.RawDescriptionHelpFormatter,
            )
            add_arguments(parser)
            parser.add_argument('--traceback', action='store_true', help='show where in the code an error was raised')
            args = _parse(parser, sys.argv[1:] if argv is None else argv)
            set_threads()
            _use_console()
            # mmdet warns when it is imported, but none of its metrics that are used here needs the package.
            warnings.filterwarnings('ignore', message='faster_coco_eval is not installed')
            try:
                run(args)
            except PreemptedError as stop:
                _end(str(stop), stop.exit_status, args.traceback)
            except AuroraError as error:
                _end(f'error: {message_of(error)}', error_status or error.exit_status, args.traceback)
            except KeyboardInterrupt as interrupt:
                _end(str(interrupt) or 'interrupted', INTERRUPTED, args.traceback)
            except (OSError, RuntimeError, MemoryError) as error:
                fault = fault_message(error)
                if fault is None:
                    raise
                _end(f'error: {fault}', error_status or AuroraError.exit_status, args.traceback)

        return main

    return decorate


def _use_console() -> None:
    """Show what is logged outside of a run as the warnings of a run are shown."""
    from mmengine.logging import MMLogger

    from aurora_mm.console import use_console

    use_console(MMLogger.get_current_instance())


def _parse(parser: argparse.ArgumentParser, argv: Sequence[str]) -> argparse.Namespace:
    """Parse arguments whose options may stand between those without a name, as ``predict MODEL --out DIR IMAGE``."""
    # What follows `--` is passed on to another verb, options and all.
    return parser.parse_args(argv) if '--' in argv else parser.parse_intermixed_args(argv)


def verb_name(module: str) -> str:
    """Return the name of a verb from its module, such as ``make-demo-data``."""
    return module.rpartition('.')[2].replace('_', '-')


def message_of(error: AuroraError) -> str:
    """Return the original message of an error.

    torch raises errors of ``DataLoader`` workers again, with the traceback of the worker as the message. The last lines
    of it are the original message.
    """
    name = f'{type(error).__module__}.{type(error).__qualname__}: '
    return str(error).rpartition(f'\n{name}')[2].strip()


def _end(message: str, status: int, with_traceback: bool) -> None:
    sys.stdout.flush()  # keep the order of the output if both streams go to the same file
    if with_traceback:
        traceback.print_exc()
    print(message, file=sys.stderr)
    sys.exit(status)
