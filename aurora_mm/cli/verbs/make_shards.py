"""Pack the images and masks of a data root in shards, large files that are quick to copy and to read.

    aurora-mm make-shards data/mine data/mine_shards
    aurora-mm make-shards data/mine s3://bucket/mine --shard-mb 512
    aurora-mm train configs/aurora_us_real.py --data-root data/mine_shards

OUT has the same CSV files and can be used wherever DATA can. docs/scaling.md says how a URL is read. DATA is not
changed. OUT must be new or empty and appears when all is written.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from aurora_mm.cli.command import command


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('source', metavar='DATA', help='data root, split or not')
    parser.add_argument('out', metavar='OUT', help='folder or URL to write')
    parser.add_argument('--shard-mb', type=float, default=256.0, metavar='MB', help='size of a shard (default: 256)')
    parser.add_argument('--tasks', type=Path, metavar='FILE', help='config with a list `tasks`')


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.apis import read_tasks
    from aurora_mm.converters.shards import make_shards

    tasks = read_tasks(args.tasks).to_config() if args.tasks else ()
    counts = make_shards(args.source, args.out, args.shard_mb, tasks)
    for side, count in counts.items():
        print(f'wrote {f"{args.out}/{side}".rstrip("/")}: {count} files in shards')
