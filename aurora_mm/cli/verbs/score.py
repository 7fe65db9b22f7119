"""Score a submission folder by the official definitions, without a model.

    aurora-mm score DATA work_dirs/aurora_fmc/test/submission --split val

DATA is labelled: a folder with csv_files/, all of whose rows the submission answers unless --split names one side.
Every file that is missing, unreadable, of another size or with a value out of range is listed; what can be scored is
scored, as the official scorer does it. Exit status: 0 if there is no problem, 1 if there is one, 2 if nothing can be
scored or DATA is bad. With --out-dir, writes OUT/metrics.json, OUT/per_image.csv and OUT/report.md.
"""

from __future__ import annotations

import argparse
import sys

from aurora_mm.cli.command import command
from aurora_mm.cli.imports_option import add_imports_option, import_modules
from aurora_mm.cli.tasks_option import add_tasks_option
from aurora_mm.cli.whole_numbers import whole_number_from
from aurora_mm.errors import DataError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('data', metavar='DATA', help='labelled data root')
    parser.add_argument('submission', metavar='PRED', help='folder of the submission')
    parser.add_argument('--split', choices=['all', 'train', 'val', 'test'], default='all', help='rows (default: all)')
    parser.add_argument('--out-dir', help='where results go (default: nothing is written)')
    parser.add_argument('--group-column', help='CSV column of patients, say: confidence intervals resample its values')
    add_tasks_option(parser)
    add_imports_option(parser)
    parser.add_argument('--workers', type=whole_number_from(0), help='processes (default: one for each core)')


@command(add_arguments, error_status=2)  # 1 says that there are problems, as `diff` and `grep` have it
def main(args: argparse.Namespace) -> None:
    from joblib import cpu_count

    from aurora_mm.analysis.results_folder import RESULT_FILES, write_results
    from aurora_mm.apis import read_tasks
    from aurora_mm.submission import problem_table, score_submission

    import_modules(args.imports)
    scored = score_submission(
        args.data,
        args.submission,
        read_tasks(args.tasks),
        args.split,
        args.group_column,
        cpu_count() if args.workers is None else args.workers,
        progress=True,
    )
    if scored.problems:
        print(problem_table(scored.problems))
    if scored.result is None:
        raise DataError('no image could be scored', file=args.submission)
    print(scored.summary())
    if args.out_dir:
        write_results(args.out_dir, scored.result)
        print(f'written to {args.out_dir}: {", ".join(RESULT_FILES)}')
    if scored.problems:
        sys.exit(1)
