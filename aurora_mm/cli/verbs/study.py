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
import signal
import sys
from pathlib import Path

from aurora_mm.cli.command import command


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('config', type=Path, metavar='CONFIG', help='config file')
    parser.add_argument(
        '--vary',
        nargs='+',
        default=[],
        metavar='KEY=VALUES',
        help='A,B,C, LOW..HIGH or log:LOW..HIGH (default: seeds alone)',
    )
    parser.add_argument('--trials', type=int, default=20, help='(default: 20)')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0], metavar='S', help='of each trial (default: 0)')
    parser.add_argument('--at-once', type=int, default=2, metavar='N', help='trials of a round (default: 2)')
    parser.add_argument('--jobs', type=int, default=2, metavar='N', help='runs side by side (default: 2)')
    parser.add_argument('--threads', type=int, default=1, metavar='N', help='of each run (default: 1)')
    parser.add_argument('--data-root', help="root of the data (default: the config's)")
    parser.add_argument('--tasks', metavar='FILE', help="config file with a list `tasks` (default: the config's)")
    parser.add_argument('--out', type=Path, default=Path('work_dirs/study'))
    parser.add_argument('--seed', type=int, default=0, help='of the proposals (default: 0)')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='override the config')


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.analysis.ablation import Ablation
    from aurora_mm.analysis.ablation_report import write_ablation
    from aurora_mm.analysis.search_space import as_options, read_search_space
    from aurora_mm.analysis.study import Study
    from aurora_mm.apis import hold_work_dir, read_config
    from aurora_mm.extras import require_extra
    from aurora_mm.files import write_text

    require_extra('scale', 'aurora-mm study', 'optuna')
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exit, so that no run is left behind
    space = read_search_space(args.vary)
    examples = {key: values.example for key, values in space.items()}
    read_config(str(args.config), [*args.cfg_options, *as_options(examples)])  # refuses keys that do not exist
    with hold_work_dir(args.out):
        study = Study(args.config, space, args.seeds, args.out, args.seed)
        ablation = Ablation(args.data_root, args.jobs, args.threads, args.cfg_options, args.tasks)
        failed = study.run(args.trials, args.at_once, ablation.run)
        write_text(args.out / 'study.md', study.table())
        write_text(args.out / 'study.json', study.to_json())
        print(write_ablation(study.rows(), args.out))
    if space:
        print(study.table())
        print(f'best: --cfg-options {" ".join(study.best_options())}')
    for run in failed:
        print(f'{run.name} failed, see {run.log}', file=sys.stderr)
    if failed:
        sys.exit(1)
