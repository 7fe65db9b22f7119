"""Sweep the learning rate over some steps of training, write the curve and suggest a rate.

    aurora-mm find-lr configs/aurora_fmc_demo.py --data-root DATA --work-dir WORK

The groups of the optimiser keep the ratio of their rates; the rates shown are those of the largest.
"""

from __future__ import annotations

import argparse

from aurora_mm.cli.command import command
from aurora_mm.cli.run_options import add_run_options, config_of
from aurora_mm.cli.whole_numbers import count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_options(parser)
    parser.add_argument('--work-dir', default='work_dirs/lr_finder', help='where lr_finder.csv and .png go')
    parser.add_argument('--pretrained', metavar='W', help="folder or hub id of the encoder's weights, or 'none'")
    parser.add_argument('--steps', type=count, default=100)
    parser.add_argument('--low', type=float, default=1e-6, help='first rate (default: %(default)s)')
    parser.add_argument('--high', type=float, default=1e-1, help='last rate (default: %(default)s)')


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.apis import build_runner, resolve_config

    cfg = resolve_config(config_of(args), args.data_root, args.pretrained)
    cfg.work_dir = args.work_dir
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=args.steps, val_interval=args.steps + 1)
    cfg.log_processor = dict(type='LogProcessor', by_epoch=False)
    cfg.val_dataloader = cfg.val_evaluator = cfg.val_cfg = None
    cfg.test_dataloader = cfg.test_evaluator = cfg.test_cfg = None
    cfg.param_scheduler = None
    cfg.default_hooks.checkpoint = None
    cfg.custom_hooks = [dict(type='LRFinderHook', low=args.low, high=args.high)]
    build_runner(cfg).train()
