"""Draws a demonstration data set of ultrasound phantoms in the challenge's layout.

Usage:
    python tools/dataset_converters/make_demo_data.py data/demo
    python tools/dataset_converters/make_demo_data.py data/demo --images-per-task 50 --val-images-per-task 10 --seed 1

OUT is one data root for users to split; with --val-images-per-task it holds two, OUT/train and OUT/val.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from aurora_mm.apis import command, read_tasks
from aurora_mm.phantoms import make_dataset

REPO = Path(__file__).resolve().parents[2]


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out', type=Path, metavar='OUT', help='folder to make; must be new or empty')
    parser.add_argument('--images-per-task', type=int, default=24)
    parser.add_argument('--val-images-per-task', type=int, default=0, help='images of OUT/val')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument(
        '--tasks',
        type=Path,
        default=REPO / 'configs/_base_/tasks/fmc_uia.py',
        help='config file with a list `tasks` (default: the 27 tasks of the challenge)',
    )
    parser.add_argument('--workers', type=int, default=min(os.cpu_count() or 1, 8), help='processes that draw')
    return parser.parse_args(argv)


@command
def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
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


if __name__ == '__main__':
    main()
