"""Compare training runs: scores, sampling, loss weights and gradient conflicts over time.

    python tools/analysis_tools/compare.py work_dirs/a work_dirs/b --out work_dirs/compare

Reads the work dirs of runs, finished or not. Writes OUT/compare.png and OUT/compare.md, the table that is printed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from aurora_mm.analysis.run_comparison import comparison_table, draw_comparison
from aurora_mm.analysis.run_history import read_run
from aurora_mm.apis import command
from aurora_mm.files import write_text


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('work_dirs', nargs='+', type=Path, metavar='WORK_DIR')
    parser.add_argument('--names', nargs='+', metavar='NAME', help="of the runs (default: their folders')")
    parser.add_argument('--out', type=Path, default=Path('work_dirs/compare'))
    args = parser.parse_args(argv)
    if args.names and len(args.names) != len(args.work_dirs):
        parser.error(f'{len(args.names)} names for {len(args.work_dirs)} runs')
    return args


@command
def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    names = args.names or [None] * len(args.work_dirs)
    runs = [read_run(folder, name) for folder, name in zip(args.work_dirs, names, strict=True)]
    table = comparison_table(runs)
    draw_comparison(runs, args.out / 'compare.png')
    write_text(args.out / 'compare.md', table)
    print(table)
    print(f'written to {args.out}: compare.png, compare.md')


if __name__ == '__main__':
    main()
