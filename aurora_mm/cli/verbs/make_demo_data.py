"""Draw a demonstration data set of ultrasound phantoms in the challenge's layout.

    aurora-mm make-demo-data data/demo
    aurora-mm make-demo-data data/demo --images-per-task 50 --val-images-per-task 10 --seed 1

OUT is one data root for users to split; with --val-images-per-task it holds two, OUT/train and OUT/val.
"""

from __future__ import annotations

import argparse

from aurora_mm.cli.command import command
from aurora_mm.cli.phantom_options import add_phantom_options, draw_phantoms


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_phantom_options(parser)


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    draw_phantoms(args)
    print(f'wrote {args.out}')
