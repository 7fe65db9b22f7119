"""Check data before training: read every image and label, and list what is wrong or looks wrong.

    aurora-mm check-data DATA
    aurora-mm check-data DATA --tasks DATA/tasks.py --html check.html

Exit status 0: training can read all of it. Exit status 1: training would stop.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from aurora_mm.cli.command import command

_SHOWN = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('data_root', type=Path, metavar='DATA', help='data root')
    parser.add_argument('--tasks', type=Path, metavar='FILE', help='config with a list `tasks`')
    parser.add_argument('--workers', type=int, help='processes (default: one for each processor)')
    parser.add_argument('--html', type=Path, metavar='FILE', help='write a page with pictures')


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.apis import read_tasks
    from aurora_mm.checking import check_data, write_html_page

    tasks = read_tasks(args.tasks).to_config() if args.tasks else ()
    report = check_data(args.data_root, tasks, args.workers)
    images = sum(map(len, report.facts.values()))
    print(f'{args.data_root}: {sum(report.rows.values())} rows of {len(report.tasks)} tasks, {images} images')
    for kind, found in report.by_kind().items():
        print(f'\n{kind}: {len(found)}{"  (stops training)" if found[0].stops_training else ""}')
        for problem in found[:_SHOWN]:
            print(f'  {problem.message}')
        if len(found) > _SHOWN:
            print(f'  and {len(found) - _SHOWN} more{"" if args.html else "; --html FILE lists 100"}')
    if args.html:
        write_html_page(report, args.html)
        print(f'\nwrote {args.html}')
    if report.stops_training:
        sys.exit(1)
    print('\ntraining can read all of it')
