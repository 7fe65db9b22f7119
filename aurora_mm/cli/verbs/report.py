"""Make one HTML file about a run: scores, training curves, errors, worst and best cases.

    aurora-mm report work_dirs/aurora_fmc
    aurora-mm report work_dirs/aurora_fmc --results work_dirs/aurora_fmc_test --out report.html

WORK_DIR is what `train` wrote, with the results of `test --submission` in WORK_DIR/test, or the folder of such results
alone. The file needs no network and nothing beside it.
"""

from __future__ import annotations

import argparse

from aurora_mm.cli.command import command
from aurora_mm.cli.imports_option import add_imports_option, import_modules


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('work_dir', metavar='WORK_DIR', help='folder of a training run, or of test results alone')
    parser.add_argument('--results', metavar='DIR', help='test results (default: WORK_DIR or WORK_DIR/test)')
    parser.add_argument('--submission', metavar='DIR', help='predictions (default: submission/ among the results)')
    parser.add_argument('--data-root', metavar='DIR', help='folder of csv_files, if it has moved since the test')
    add_imports_option(parser)
    parser.add_argument('--out', metavar='FILE', help='where to write (default: report.html among the results)')


@command(add_arguments)
def main(args: argparse.Namespace) -> None:
    from aurora_mm.analysis.report import write_html_report

    import_modules(args.imports)
    file = write_html_report(args.work_dir, args.results, args.submission, args.data_root, args.out)
    print(f'wrote {file} ({file.stat().st_size / 1e6:.1f} MB)')
