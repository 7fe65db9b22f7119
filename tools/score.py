"""Score a submission folder by the official definitions, without a model.

    python tools/score.py DATA work_dirs/aurora_fmc/test/submission --split val

DATA is labelled: a folder with csv_files/, all of whose rows the submission answers unless --split names one side.
Every file that is missing, unreadable, of another size or with a value out of range is listed; what can be scored is
scored, as the official scorer does it. Exit status: 0 if there is no problem, 1 if there is one, 2 if nothing can be
scored or DATA is bad. With --out-dir, writes OUT/metrics.json, OUT/per_image.csv and OUT/report.md.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from aurora_mm.apis import command, read_tasks
from aurora_mm.challenge.submission import problem_table, score_submission
from aurora_mm.errors import DataError
from aurora_mm.evaluation.results_folder import RESULT_FILES, write_results

REPO = Path(__file__).resolve().parents[1]


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('data', metavar='DATA', help='labelled data root')
    parser.add_argument('submission', metavar='PRED', help='folder of the submission')
    parser.add_argument('--split', choices=['all', 'train', 'val', 'test'], default='all', help='rows (default: all)')
    parser.add_argument('--out-dir', help='where results go (default: nothing is written)')
    parser.add_argument('--group-column', help='CSV column of patients, say: confidence intervals resample its values')
    parser.add_argument(
        '--tasks',
        type=Path,
        default=REPO / 'configs/_base_/tasks/fmc_uia.py',
        help="config file with a list `tasks`, for the classes' names (default: the 27 tasks of the challenge)",
    )
    parser.add_argument('--workers', type=int, default=os.cpu_count() or 1, help='processes')
    return parser.parse_args(argv)


@command
def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    result = score_submission(
        args.data,
        args.submission,
        read_tasks(args.tasks),
        args.split,
        args.group_column,
        args.workers,
        progress=True,
    )
    if result.problems:
        print(problem_table(result.problems))
    if result.scores is None:
        raise DataError('no image could be scored', file=args.submission)
    print(result.summary())
    if args.out_dir:
        write_results(args.out_dir, result.scores, result.rows, result.tasks)
        print(f'written to {args.out_dir}: {", ".join(RESULT_FILES)}')
    if result.problems:
        sys.exit(1)


if __name__ == '__main__':
    main()
