"""Average the scores of a cross-validation: mean and spread over folds, for each task.

    aurora-mm split-data data/mine data/folds --folds 5
    aurora-mm train CONFIG --data-root data/folds --fold 0 --work-dir work_dirs/cv      # and 1 to 4
    aurora-mm test CONFIG work_dirs/cv/fold_0/epoch_12.pth --data-root data/folds/fold_0 --split val
    aurora-mm fold-table work_dirs/cv

Reads WORK_DIR/fold_<k>/test/metrics.json of all folds. Writes WORK_DIR/folds.md, which is printed, and
WORK_DIR/folds.json.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from aurora_mm.cli.command import command


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('work_dir', type=Path, metavar='WORK_DIR', help='folder of fold_0, fold_1, ...')


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.analysis.fold_table import FoldScores, fold_json, fold_table
    from aurora_mm.files import write_text

    scores = FoldScores.read(args.work_dir)
    table = fold_table(scores)
    write_text(args.work_dir / 'folds.md', table)
    write_text(args.work_dir / 'folds.json', fold_json(scores))
    print(table)
    print(f'written to {args.work_dir}: folds.md, folds.json')
