"""The argument ``--trust`` of verbs that read checkpoints."""

from __future__ import annotations

import argparse
import os
from typing import Any

from aurora_mm.trust import VARIABLE


def add_trust_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--trust``, which applies to the process and its child processes."""
    parser.add_argument(
        '--trust',
        action=_Trust,
        nargs=0,
        default=False,
        help='read checkpoints that are Python pickles, of an old version or another program, that name parts of other '
        'packages, or that were changed since they were written. Such a file can run any code on this machine with '
        'your rights: use it only for files whose origin you trust',
    )


class _Trust(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, *_: Any) -> None:
        os.environ[VARIABLE] = '1'
        setattr(namespace, self.dest, True)
