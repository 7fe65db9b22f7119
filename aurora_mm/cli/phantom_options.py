"""The arguments of verbs that draw phantoms."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from aurora_mm.cli.tasks_option import add_tasks_option
from aurora_mm.cli.whole_numbers import whole_number_from


def add_phantom_options(parser: argparse.ArgumentParser, whose: str = '') -> None:
    """Add the arguments of :func:`draw_phantoms`.

    Args:
        parser: Parser of the verb.
        whose: Whose images are counted, for the help, such as ``' of each scanner'``.
    """
    parser.add_argument('out', type=Path, metavar='OUT', help='folder to make; must be new or empty')
    parser.add_argument('--images-per-task', type=int, default=24, help=f'images{whose} (default: 24)')
    parser.add_argument('--val-images-per-task', type=int, default=0, help=f'images{whose} in OUT/val')
    parser.add_argument('--seed', type=int, default=0)
    add_tasks_option(parser)
    parser.add_argument(
        '--workers', type=whole_number_from(0), help='processes that draw (default: one for each core, at most 8)'
    )


def draw_phantoms(args: argparse.Namespace, **kwargs: Any) -> None:
    """Draw phantoms with a progress bar, see :func:`aurora_mm.phantoms.make_dataset`.

    Args:
        args: Parsed arguments of a parser with :func:`add_phantom_options`.
        kwargs: Further arguments of ``make_dataset``.
    """
    from joblib import cpu_count

    from aurora_mm.apis import read_tasks
    from aurora_mm.phantoms import make_dataset

    make_dataset(
        args.out,
        read_tasks(args.tasks),
        args.images_per_task,
        args.seed,
        val_images_per_task=args.val_images_per_task,
        workers=min(cpu_count(), 8) if args.workers is None else args.workers,
        progress=True,
        **kwargs,
    )
