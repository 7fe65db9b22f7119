"""Search for fixed loss weights of the task types by successive halving.

    python tools/analysis_tools/search_weights.py configs/aurora_us_real.py --data-root DATA --out work_dirs/search

Trains with several choices of weights for a few epochs, goes on with the best third, and so on. Started again, it goes
on where it stopped. Writes OUT/search.json and OUT/search.md, the table that is printed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmengine.dist import is_main_process

from aurora_mm.analysis.weight_search import WeightSearch
from aurora_mm.apis import command, read_config, resolve_config, run_parser
from aurora_mm.files import write_text


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = run_parser(__doc__)
    parser.add_argument('--pretrained', metavar='W', help="folder or hub id of the encoder's weights, or 'none'")
    parser.add_argument('--out', type=Path, default=Path('work_dirs/search'))
    parser.add_argument('--trials', type=int, default=9, help='choices of weights; the first is 1 for all (default: 9)')
    parser.add_argument(
        '--epochs', type=int, nargs='+', default=[], help='when trials are compared (default: 1/9, 1/3, all of them)'
    )
    parser.add_argument('--keep', type=float, default=1 / 3, help='share that goes on each time (default: 1/3)')
    parser.add_argument('--seed', type=int, default=0, help='of the weights')
    return parser.parse_args(argv)


@command
def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    cfg = resolve_config(read_config(args), args.data_root, args.pretrained)
    search = WeightSearch(cfg, args.out, args.trials, args.epochs, args.keep, seed=args.seed)
    best = search.run()
    if is_main_process():
        table = search.table()
        write_text(args.out / 'search.md', table)
        print(table)
        print(f"best: model.balancer = dict(_delete_=True, type='FixedLossBalancer', factors={best.factors})")


if __name__ == '__main__':
    main()
