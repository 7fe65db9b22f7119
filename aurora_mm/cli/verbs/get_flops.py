"""Count the parameters and the multiply-adds of a model, for one image.

aurora-mm get-flops configs/aurora_fmc.py
aurora-mm get-flops configs/aurora_fmc_demo.py --shape 256 256
"""

from __future__ import annotations

import argparse

from aurora_mm.cli.command import command
from aurora_mm.cli.run_options import add_run_options, config_of
from aurora_mm.cli.whole_numbers import count
from aurora_mm.config_variables import image_size_of
from aurora_mm.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_options(parser)
    parser.add_argument(
        '--shape', type=count, nargs=2, metavar=('H', 'W'), help='of the network input (default: that of the config)'
    )


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.analysis.complexity import cost_table, model_cost

    cfg = config_of(args)
    size = image_size_of(cfg) if args.shape is None else (args.shape[0], args.shape[1])
    if size is None:
        raise ConfigError(f'{args.config}: no pipeline has FitToSize, which says the size of the input; give --shape')
    print(cost_table(model_cost(cfg, size), size))
