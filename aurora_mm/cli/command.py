"""How every verb of the command line parses its arguments, and how it ends."""

from __future__ import annotations

import argparse
import functools
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence

from aurora_mm.cli.faults import fault_message
from aurora_mm.errors import AuroraError

INTERRUPTED = 130  # 128 + SIGINT, as shells have it

Run = Callable[[argparse.Namespace], None]
Main = Callable[[Sequence[str] | None], None]


def command(
    add_arguments: Callable[[argparse.ArgumentParser], None], error_status: int | None = None
) -> Callable[[Run], Main]:
    """Makes a function of parsed arguments the ``main`` of its module, the verb.

    The module's name is the verb's name, and its docstring the verb's description. An error that the user can mend
    ends the process with one sentence on stderr; so do a fault of the machine, and Ctrl-C with status 130.
    ``--traceback`` adds the traceback. Any other exception is a defect of the program and leaves with its traceback.

    Args:
        add_arguments: Adds the verb's arguments to its parser.
        error_status: Exit status of every :class:`AuroraError`; by default the error's own ``exit_status``.

    Returns:
        A decorator. What it makes of a function takes the arguments of the command line, by default ``sys.argv[1:]``.
    """

    def decorate(run: Run) -> Main:
        @functools.wraps(run)
        def main(argv: Sequence[str] | None = None) -> None:
            module = sys.modules[run.__module__]
            parser = argparse.ArgumentParser(
                prog=f'aurora-mm {verb_name(module.__name__)}',
                description=module.__doc__,
                formatter_class=argparse.RawDescriptionHelpFormatter,
            )
            add_arguments(parser)
            parser.add_argument('--traceback', action='store_true', help='show where in the code an error was raised')
            args = parser.parse_args(argv)
            # mmdet says so wherever it is imported; none of its metrics that are used here needs the package.
            warnings.filterwarnings('ignore', message='faster_coco_eval is not installed')
            try:
                run(args)
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


def verb_name(module: str) -> str:
    """``make-demo-data`` of the module ``aurora_mm.cli.verbs.make_demo_data``."""
    return module.rpartition('.')[2].replace('_', '-')


def message_of(error: AuroraError) -> str:
    """The message that an error was raised with.

    torch raises the error of a ``DataLoader`` worker again with the worker's traceback as its message; the last lines
    of that are the message.
    """
    name = f'{type(error).__module__}.{type(error).__qualname__}: '
    return str(error).rpartition(f'\n{name}')[2].strip()


def _end(message: str, status: int, with_traceback: bool) -> None:
    sys.stdout.flush()  # what was printed before stands before the message, wherever the two streams go
    if with_traceback:
        traceback.print_exc()
    print(message, file=sys.stderr)
    sys.exit(status)
