"""Compare training runs: scores, sampling, loss weights and gradient conflicts over time.

    aurora-mm compare work_dirs/a work_dirs/b --out work_dirs/compare

Reads the work dirs of runs, finished or not. Writes OUT/compare.png and OUT/compare.md, the table that is printed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from aurora_mm.cli.command import command
from aurora_mm.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('work_dirs', nargs='+', type=Path, metavar='WORK_DIR')
    parser.add_argument('--names', nargs='+', metavar='NAME', help="of the runs (default: their folders')")
    parser.add_argument('--out', type=Path, default=Path('work_dirs/compare'))


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.analysis.run_comparison import comparison_table, draw_comparison
    from aurora_mm.analysis.run_history import read_run
    from aurora_mm.files import write_text

    if args.names and len(args.names) != len(args.work_dirs):
        raise ConfigError(f'--names gives {len(args.names)} names for {len(args.work_dirs)} runs')
    names = args.names or [None] * len(args.work_dirs)
    runs = [read_run(folder, name) for folder, name in zip(args.work_dirs, names, strict=True)]
    table = comparison_table(runs)
    draw_comparison(runs, args.out / 'compare.png')
    write_text(args.out / 'compare.md', table)
    print(table)
    print(f'written to {args.out}: compare.png, compare.md')
