"""Check data before training: read every image and label, and list what is wrong or looks wrong.

    aurora-mm check-data DATA
    aurora-mm check-data DATA --tasks DATA/tasks.py --html check.html
    aurora-mm check-data s3://bucket/mine --shard-cache /local/aurora_shards 200

Exit status 0: training can read all of it. Exit status 1: training would stop.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aurora_mm.cli.command import command
from aurora_mm.cli.whole_numbers import whole_number_from

_SHOWN = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('data_root', metavar='DATA', help='data root: a folder, or the URL of shards')
    parser.add_argument('--tasks', type=Path, metavar='FILE', help='config with a list `tasks`')
    parser.add_argument(
        '--shard-cache', nargs=2, metavar=('DIR', 'GB'), help='where shards of a URL are kept, and how many GB of them'
    )
    parser.add_argument('--workers', type=whole_number_from(0), help='processes (default: one for each processor)')
    parser.add_argument('--html', type=Path, metavar='FILE', help='write a page with pictures')


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.apis import read_tasks
    from aurora_mm.checking import check_data, write_html_page

    tasks = read_tasks(args.tasks).to_config() if args.tasks else ()
    report = check_data(args.data_root, tasks, args.workers, _shard_cache(args.shard_cache))
    images = sum(map(len, report.facts.values()))
    print(f'{args.data_root}: {sum(report.rows.values())} rows of {len(report.tasks)} tasks, {images} images')
    print(f'pixel spacing in mm is known of {report.images_with_spacing} images')
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


def _shard_cache(given: Sequence[str] | None) -> dict[str, Any] | None:
    from aurora_mm.errors import ConfigError

    if given is None:
        return None
    folder, size = given
    try:
        return dict(folder=folder, max_gb=float(size))
    except ValueError:
        raise ConfigError(f'--shard-cache: {size!r} is no number of GB') from None
