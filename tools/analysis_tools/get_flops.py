"""Parameters and multiply-adds of a model's parts, for one image.

python tools/analysis_tools/get_flops.py configs/aurora_fmc.py
python tools/analysis_tools/get_flops.py configs/aurora_fmc_demo.py --shape 128 128
"""

from __future__ import annotations

import argparse

from aurora_mm.analysis.complexity import cost_table, model_cost
from aurora_mm.apis import command, read_config, run_parser


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = run_parser(__doc__)
    parser.add_argument('--shape', type=int, nargs=2, default=(448, 448), metavar=('H', 'W'), help='of the input')
    return parser.parse_args(argv)


@command
def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    size = (args.shape[0], args.shape[1])
    print(cost_table(model_cost(read_config(args), size), size))


if __name__ == '__main__':
    main()
