"""The argument ``--tasks`` of verbs that need the names of classes and points, but no config."""

from __future__ import annotations

import argparse
from pathlib import Path

from aurora_mm.packaged_configs import CHALLENGE_TASKS


def add_tasks_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--tasks``, by default the config file with the 27 tasks of the challenge."""
    parser.add_argument(
        '--tasks',
        type=Path,
        default=CHALLENGE_TASKS,
        metavar='FILE',
        help='config file with a list `tasks`, for names of classes (default: the 27 tasks of the challenge)',
    )
