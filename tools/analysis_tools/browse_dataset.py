"""Draws what the network is shown: images after all transforms, with their annotations.

    python tools/analysis_tools/browse_dataset.py configs/aurora_fmc_demo.py --data-root DATA --out-dir pictures
    python tools/analysis_tools/browse_dataset.py configs/aurora_fmc_demo.py --data-root DATA --out-dir OUT --loader val

Writes OUT/<task>/<number>.png and one sheet, OUT/<task>.png, for each task.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmengine.registry import DefaultScope

from aurora_mm.apis import command, read_config, resolve_config, run_parser
from aurora_mm.visualization.browse import browse_dataset


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = run_parser(__doc__)
    parser.add_argument('--out-dir', type=Path, required=True, help='where the pictures go')
    parser.add_argument('--loader', choices=['train', 'val', 'test'], default='train', help='whose data and transforms')
    parser.add_argument('--per-task', type=int, default=6, metavar='N', help='pictures of each task (default: 6)')
    return parser.parse_args(argv)


@command
def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    cfg = resolve_config(read_config(args), args.data_root, 'none')
    with DefaultScope.overwrite_default_scope('aurora_mm'):
        browse_dataset(cfg[f'{args.loader}_dataloader'].dataset, cfg.visualizer, args.out_dir, args.per_task)
    print(f'written to {args.out_dir}')


if __name__ == '__main__':
    main()
