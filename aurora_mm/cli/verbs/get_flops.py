"""Count the parameters and the multiply-adds of a model, for one image.

aurora-mm get-flops configs/aurora_fmc.py
aurora-mm get-flops configs/aurora_fmc_demo.py --shape 128 128
"""

from __future__ import annotations

import argparse

from aurora_mm.cli.command import command
from aurora_mm.cli.run_options import add_run_options, config_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_options(parser)
    parser.add_argument('--shape', type=int, nargs=2, default=(448, 448), metavar=('H', 'W'), help='of the input')


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.analysis.complexity import cost_table, model_cost

    size = (args.shape[0], args.shape[1])
    print(cost_table(model_cost(config_of(args), size), size))
