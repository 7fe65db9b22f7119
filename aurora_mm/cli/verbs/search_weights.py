"""Search for fixed loss weights of the task types by successive halving.

    aurora-mm search-weights configs/aurora_us_real.py --data-root DATA --out work_dirs/search

Trains with several choices of weights for a few epochs, goes on with the best third, and so on. Started again, it goes
on where it stopped. Writes OUT/search.json and OUT/search.md, the table that is printed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from aurora_mm.cli.command import command
from aurora_mm.cli.run_options import add_run_options, config_of
from aurora_mm.cli.whole_numbers import count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_options(parser)
    parser.add_argument('--pretrained', metavar='W', help="folder or hub id of the encoder's weights, or 'none'")
    parser.add_argument('--out', type=Path, default=Path('work_dirs/search'))
    parser.add_argument(
        '--trials', type=count, default=9, help='choices of weights; the first is 1 for all (default: 9)'
    )
    parser.add_argument(
        '--epochs', type=count, nargs='+', default=[], help='when trials are compared (default: 1/9, 1/3, all of them)'
    )
    parser.add_argument('--keep', type=float, default=1 / 3, help='share that goes on each time (default: 1/3)')
    parser.add_argument('--seed', type=int, default=0, help='of the weights')


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from mmengine.dist import is_main_process

    from aurora_mm.analysis.settings_file import absolute, keep_settings
    from aurora_mm.analysis.weight_search import WeightSearch
    from aurora_mm.apis import hold_work_dir, resolve_config
    from aurora_mm.apis.config_files import find_config
    from aurora_mm.files import write_text

    cfg = resolve_config(config_of(args), args.data_root, args.pretrained)
    settings = {
        'the config': absolute(find_config(args.config)),
        '--data-root': absolute(args.data_root),
        '--pretrained': args.pretrained,
        '--cfg-options': sorted(args.cfg_options),
        '--trials': args.trials,
        '--seed': args.seed,
    }
    with hold_work_dir(args.out):
        if is_main_process():
            keep_settings(args.out, settings)
        search = WeightSearch(cfg, args.out, args.trials, args.epochs, args.keep, seed=args.seed)
        best = search.run()
    if is_main_process():
        table = search.table()
        write_text(args.out / 'search.md', table)
        print(table)
        print(f"best: model.balancer = dict(_delete_=True, type='FixedLossBalancer', factors={best.factors})")
