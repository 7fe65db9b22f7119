"""Train configs with several seeds each, test the last epoch of each run, and put the scores in a table.

    aurora-mm ablation a.py b.py --seeds 0 1 2 --data-root DATA --out work_dirs/ablation
    aurora-mm ablation a.py:0,1,2 b.py c.py:0,1,2 --data-root DATA     # b.py with seed 0 only
    aurora-mm ablation a.py b.py c.py --out work_dirs/ablation --table-only

Started again, it goes on where it stopped; runs are known by their folders, OUT/<config>/seed_<S>. Writes
OUT/ablation.md, which is printed, and OUT/ablation.json, from all seeds that are finished, whoever asked for them, and
OUT/compare.png, where the curves of `compare` stand side by side for each config's first finished seed.
The first config is what the others are compared with. Ends with status 1 if a run failed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from aurora_mm.cli.command import command
from aurora_mm.cli.several_runs import (
    ablation_of,
    add_several_runs_options,
    end_if_failed,
    exiting_at_sigterm,
    settings_of,
)
from aurora_mm.errors import DataError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('configs', nargs='+', metavar='CONFIG[:SEED,SEED]', help='in the order of the rows')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0], metavar='S', help='(default: 0)')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/ablation'))
    parser.add_argument('--table-only', action='store_true', help='train nothing, write the tables')
    add_several_runs_options(parser)


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.analysis.ablation import plan_runs
    from aurora_mm.analysis.ablation_report import write_ablation
    from aurora_mm.analysis.ablation_table import AblationRow
    from aurora_mm.analysis.settings_file import keep_settings
    from aurora_mm.apis import hold_work_dir, read_config

    runs = plan_runs(args.configs, args.seeds, args.out)
    failed = []
    if not args.table_only and not all(run.finished for run in runs):
        for config in dict.fromkeys(run.config for run in runs):
            read_config(config, args.cfg_options)  # the last of them may be trained after days
        with exiting_at_sigterm(), hold_work_dir(args.out):
            keep_settings(args.out, settings_of(args))
            failed = ablation_of(args).run(runs)
    rows = [AblationRow.read(folder) for folder in dict.fromkeys(run.folder.parent for run in runs)]
    if args.table_only and not any(row.seeds for row in rows):
        raise DataError('no run of these configs is finished here', file=args.out)
    print(write_ablation(rows, args.out))
    end_if_failed(failed)
