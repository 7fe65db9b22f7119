"""Draw ultrasound phantoms as several scanners would show them, to train on some scanners and test on another.

    aurora-mm make-phantoms data/phantoms --images-per-task 40 --tasks configs/_base_/tasks/us_real.py
    aurora-mm split-data data/phantoms data/by_scanner --leave-out scanner
    aurora-mm make-phantoms data/two --scanners cart handheld --val-images-per-task 10

Each scanner (cart, handheld, vintage; see docs/phantoms.md) makes so many images of each task, and the column `scanner`
names it. OUT is one data root; with --val-images-per-task it holds two, OUT/train and OUT/val.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from aurora_mm.cli.command import command
from aurora_mm.cli.tasks_option import add_tasks_option


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('out', type=Path, metavar='OUT', help='folder to make; must be new or empty')
    parser.add_argument('--scanners', nargs='+', metavar='NAME', help='names of scanners (default: all)')
    parser.add_argument('--images-per-task', type=int, default=24, help='images of each scanner (default: 24)')
    parser.add_argument('--val-images-per-task', type=int, default=0, help='images of each scanner in OUT/val')
    parser.add_argument('--seed', type=int, default=0)
    add_tasks_option(parser)
    parser.add_argument('--workers', type=int, default=min(os.cpu_count() or 1, 8), help='processes that draw')


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.apis import read_tasks
    from aurora_mm.errors import ConfigError
    from aurora_mm.phantoms import SCANNERS, make_dataset

    names = list(dict.fromkeys(args.scanners or SCANNERS))
    if unknown := [name for name in names if name not in SCANNERS]:
        raise ConfigError(f'there is no scanner {unknown[0]!r}; there are {", ".join(SCANNERS)}')
    make_dataset(
        args.out,
        read_tasks(args.tasks),
        args.images_per_task,
        args.seed,
        val_images_per_task=args.val_images_per_task,
        workers=args.workers,
        progress=True,
        scanners=[SCANNERS[name] for name in names],
    )
    print(f'wrote {args.out}: {args.images_per_task} images of each task by each of {", ".join(names)}')
