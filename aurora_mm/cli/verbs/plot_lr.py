"""Draw the learning rate that a config's schedule gives over the training.

    aurora-mm plot-lr configs/aurora_fmc_demo.py --out lr.png --data-root DATA
    aurora-mm plot-lr configs/aurora_fmc_demo.py --out lr.png --steps-per-epoch 65

Without --steps-per-epoch they are counted on the data.
"""

from __future__ import annotations

import argparse

from aurora_mm.cli.command import command
from aurora_mm.cli.run_options import add_run_options, config_of
from aurora_mm.cli.whole_numbers import count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_options(parser)
    parser.add_argument('--out', required=True, metavar='FILE', help='picture to write')
    parser.add_argument('--steps-per-epoch', type=count, metavar='N')


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from mmengine.registry import DefaultScope
    from mmengine.runner import Runner

    from aurora_mm.analysis.schedule import plot_schedule, schedule_curve
    from aurora_mm.apis import resolve_config

    cfg = config_of(args)
    steps = args.steps_per_epoch
    if steps is None:
        resolve_config(cfg, args.data_root, 'none')
        with DefaultScope.overwrite_default_scope('aurora_mm'):
            steps = len(Runner.build_dataloader(cfg.train_dataloader, seed=0))
    rates = schedule_curve(cfg, steps)
    plot_schedule(rates, steps, args.out)
    print(f'{len(rates)} steps, {steps} an epoch; from {rates[0]:.3g} over {max(rates):.3g} to {rates[-1]:.3g}')
    print(f'written to {args.out}')
