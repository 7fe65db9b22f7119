"""Draw a demonstration data set of ultrasound phantoms in the challenge's layout.

    aurora-mm make-demo-data data/demo
    aurora-mm make-demo-data data/demo --images-per-task 50 --val-images-per-task 10 --seed 1

OUT is one data root for users to split; with --val-images-per-task it holds two, OUT/train and OUT/val.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from aurora_mm.cli.command import command
from aurora_mm.cli.tasks_option import add_tasks_option


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('out', type=Path, metavar='OUT', help='folder to make; must be new or empty')
    parser.add_argument('--images-per-task', type=int, default=24)
    parser.add_argument('--val-images-per-task', type=int, default=0, help='images of OUT/val')
    parser.add_argument('--seed', type=int, default=0)
    add_tasks_option(parser)
    parser.add_argument('--workers', type=int, default=min(os.cpu_count() or 1, 8), help='processes that draw')


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.apis import read_tasks
    from aurora_mm.phantoms import make_dataset

    make_dataset(
        args.out,
        read_tasks(args.tasks),
        args.images_per_task,
        args.seed,
        val_images_per_task=args.val_images_per_task,
        workers=args.workers,
        progress=True,
    )
    print(f'wrote {args.out}')
