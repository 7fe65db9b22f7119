"""Split data by ratios, into folds, or by leaving one centre out, without images of one patient on two sides.

    aurora-mm split-data DATA OUT --ratios .7 .15 .15
    aurora-mm split-data DATA OUT --folds 5 --group-pattern '(patient[0-9]+)' --alike
    aurora-mm split-data DATA OUT --leave-out centre
    aurora-mm train configs/aurora_us_real.py --data-root OUT/fold_0

OUT holds CSV files and links to DATA, which is not changed. Images with one value in the column `group`, or with one
thing in common by --group-pattern, stay together; --alike does so for those with the same pixels or that look alike.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from aurora_mm.cli.command import command
from aurora_mm.cli.whole_numbers import whole_number_from


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('source', metavar='DATA', help='data root; an old split is forgotten')
    parser.add_argument('out', type=Path, metavar='OUT', help='folder to make')
    parser.add_argument('--ratios', nargs='+', type=float, metavar='R', help='parts of train, val and, if given, test')
    parser.add_argument('--folds', type=int, metavar='K', help='K folds: OUT/fold_0 ...')
    parser.add_argument('--leave-out', metavar='COLUMN', help='each value of a column left out once: OUT/without_A ...')
    parser.add_argument('--seed', type=int, default=42)
    parser.add_argument(
        '--group-column', metavar='COLUMN', help="column of a patient (default: 'group', if there is one)"
    )
    parser.add_argument('--group-pattern', metavar='REGEX', help='finds a patient in the path of an image')
    parser.add_argument('--alike', action='store_true', help='keep images together that look alike')
    parser.add_argument('--tasks', type=Path, metavar='FILE', help='config with a list `tasks`')
    parser.add_argument('--workers', type=whole_number_from(0), help='processes (default: one for each processor)')


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.apis import read_tasks
    from aurora_mm.errors import ConfigError
    from aurora_mm.splitting import split_data
    from aurora_mm.tables import markdown_table

    ratios = None
    if args.ratios is not None:
        if not 2 <= len(args.ratios) <= 3:
            raise ConfigError('--ratios takes two or three numbers: train, val and test')
        ratios = dict(zip(('train', 'val', 'test'), args.ratios, strict=False))
    report = split_data(
        args.source,
        args.out,
        read_tasks(args.tasks).to_config() if args.tasks else (),
        ratios,
        args.folds,
        args.leave_out,
        args.seed,
        args.group_column,
        args.group_pattern,
        args.alike,
        args.workers,
    )
    tasks = list(dict.fromkeys(task for rows in report.rows.values() for task in rows))
    rows = [[task, *(str(counts[task]) for counts in report.rows.values())] for task in tasks]
    print(markdown_table(['rows', *report.rows], rows))
    print(f'{report.groups} groups of images, none on two sides; {report.torn_before} were on two sides before')
    print(f'wrote {args.out}')
