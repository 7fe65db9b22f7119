"""Search for settings of a config, with several seeds each, by Optuna.

    aurora-mm study configs/aurora_us_real.py --data-root DATA --out work_dirs/study --trials 20 --seeds 0 1 2 \\
        --vary optim_wrapper.optimizer.lr=log:1e-4..3e-3 train_dataloader.batch_size=4,8 model.ema_momentum=0.9..0.99

Trains and tests the config as it is, then with the settings of each trial, and maximises the mean score of the seeds.
Test the best on other data: the best of many trials is best by chance too. Started again, it goes on where it stopped.
Writes into OUT what `aurora-mm ablation` writes, with a row a trial, and study.md and study.json with the settings.
Needs optuna: pip install 'aurora_mm[scale]'. Ends with status 1 if a run failed.
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
from aurora_mm.cli.whole_numbers import count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('config', type=Path, metavar='CONFIG', help='config file')
    parser.add_argument(
        '--vary',
        nargs='+',
        default=[],
        metavar='KEY=VALUES',
        help='A,B,C, LOW..HIGH or log:LOW..HIGH (default: seeds alone)',
    )
    parser.add_argument('--trials', type=count, default=20, help='(default: 20)')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0], metavar='S', help='of each trial (default: 0)')
    parser.add_argument('--at-once', type=count, default=2, metavar='N', help='trials of a round (default: 2)')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/study'))
    parser.add_argument('--seed', type=int, default=0, help='of the proposals (default: 0)')
    add_several_runs_options(parser)


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.analysis.ablation_report import write_ablation
    from aurora_mm.analysis.search_space import as_options, read_search_space
    from aurora_mm.analysis.study import Study
    from aurora_mm.apis import hold_work_dir, read_config
    from aurora_mm.extras import require_extra
    from aurora_mm.files import write_text

    require_extra('scale', 'aurora-mm study', 'optuna')
    space = read_search_space(args.vary)
    examples = {key: values.example for key, values in space.items()}
    read_config(str(args.config), [*args.cfg_options, *as_options(examples)])  # refuses keys that do not exist
    with exiting_at_sigterm(), hold_work_dir(args.out):
        study = Study(args.config, space, args.seeds, args.out, args.seed, settings_of(args))
        failed = study.run(args.trials, args.at_once, ablation_of(args).run)
        write_text(args.out / 'study.md', study.table())
        write_text(args.out / 'study.json', study.to_json())
        print(write_ablation(study.rows(), args.out))
    if space:
        print(study.table())
        print(study.summary())
    end_if_failed(failed)
