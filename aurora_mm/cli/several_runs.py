"""What the verbs that train and test several runs have in common."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from aurora_mm.cli.whole_numbers import count

if TYPE_CHECKING:
    from aurora_mm.analysis.ablation import Ablation, AblationRun

_TERMINATED = 143  # 128 + SIGTERM, as shells have it


def add_several_runs_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of :func:`ablation_of`."""
    parser.add_argument('--data-root', help='root of the data (default: that of the configs)')
    parser.add_argument('--tasks', metavar='FILE', help="config file with a list `tasks` (default: the configs')")
    parser.add_argument('--jobs', type=count, default=2, metavar='N', help='runs side by side (default: 2)')
    parser.add_argument('--threads', type=count, default=1, metavar='N', help='of each run (default: 1)')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='override all configs')


def ablation_of(args: argparse.Namespace) -> Ablation:
    """Create what executes the runs."""
    from aurora_mm.analysis.ablation import Ablation

    return Ablation(args.data_root, args.jobs, args.threads, args.cfg_options, args.tasks)


def settings_of(args: argparse.Namespace) -> dict[str, Any]:
    """Return what all runs have in common, for :func:`aurora_mm.analysis.settings_file.keep_settings`."""
    from aurora_mm.analysis.settings_file import absolute

    return {
        '--data-root': absolute(args.data_root),
        '--tasks': absolute(args.tasks),
        '--cfg-options': sorted(args.cfg_options),
    }


@contextmanager
def exiting_at_sigterm() -> Iterator[None]:
    """Make SIGTERM an exit within a block, so that runs that were started are ended too, and say how to go on.

    Raises:
        KeyboardInterrupt: With a message, at Ctrl-C.
    """
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
    try:
        yield
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt('interrupted; the same command goes on where it stopped') from interrupt
    finally:
        signal.signal(signal.SIGTERM, before)


def end_if_failed(failed: Sequence[AblationRun]) -> None:
    """Name the runs that failed, and exit with status 1 if there are any."""
    for run in failed:
        print(f'{run.name} failed, see {run.log}', file=sys.stderr)
    if failed:
        sys.exit(1)
