"""Draw what the network is shown: images after all transforms, with their annotations.

    aurora-mm browse-dataset configs/aurora_fmc_demo.py --data-root DATA --out-dir pictures
    aurora-mm browse-dataset configs/aurora_fmc_demo.py --data-root DATA --out-dir OUT --loader val

Writes OUT/<task>/<number>.png and one sheet, OUT/<task>.png, for each task.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from aurora_mm.cli.command import command
from aurora_mm.cli.run_options import add_run_options, config_of
from aurora_mm.cli.whole_numbers import count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_options(parser)
    parser.add_argument('--out-dir', type=Path, required=True, help='where the pictures go')
    parser.add_argument('--loader', choices=['train', 'val', 'test'], default='train', help='whose data and transforms')
    parser.add_argument('--per-task', type=count, default=6, metavar='N', help='pictures of each task (default: 6)')


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from mmengine.registry import DefaultScope

    from aurora_mm.apis import resolve_config
    from aurora_mm.visualization.browse import browse_dataset

    cfg = resolve_config(config_of(args), args.data_root, 'none')
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        browse_dataset(cfg[f'{args.loader}_dataloader'].dataset, cfg.visualizer, args.out_dir, args.per_task)
    print(f'written to {args.out_dir}')
