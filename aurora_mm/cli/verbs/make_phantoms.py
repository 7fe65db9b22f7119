"""Draw ultrasound phantoms as several scanners would show them, to train on some scanners and test on another.

    aurora-mm make-phantoms data/phantoms --images-per-task 40 --tasks configs/_base_/tasks/us_real.py
    aurora-mm split-data data/phantoms data/by_scanner --leave-out scanner
    aurora-mm make-phantoms data/two --scanners cart handheld --val-images-per-task 10

Each scanner (cart, handheld, vintage; see docs/phantoms.md) makes so many images of each task, and the column `scanner`
names it. OUT is one data root; with --val-images-per-task it holds two, OUT/train and OUT/val.
"""

from __future__ import annotations

import argparse

from aurora_mm.cli.command import command
from aurora_mm.cli.phantom_options import add_phantom_options, draw_phantoms


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_phantom_options(parser, ' of each scanner')
    parser.add_argument('--scanners', nargs='+', metavar='NAME', help='names of scanners (default: all)')


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.errors import ConfigError
    from aurora_mm.phantoms import SCANNERS

    names = list(dict.fromkeys(args.scanners or SCANNERS))
    if unknown := [name for name in names if name not in SCANNERS]:
        raise ConfigError(f'there is no scanner {unknown[0]!r}; there are {", ".join(SCANNERS)}')
    draw_phantoms(args, scanners=[SCANNERS[name] for name in names])
    print(f'wrote {args.out}: {args.images_per_task} images of each task by each of {", ".join(names)}')
