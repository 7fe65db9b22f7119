"""Make one HTML file about a run: scores, training curves, errors, worst and best cases.

    python tools/report.py work_dirs/aurora_fmc
    python tools/report.py work_dirs/aurora_fmc --results work_dirs/aurora_fmc_test --out report.html

WORK_DIR is what tools/train.py wrote, with the results of tools/test.py --submission in WORK_DIR/test, or the folder of
such results alone. The file needs no network and nothing beside it.
"""

from __future__ import annotations

import argparse

from aurora_mm.analysis.report import write_html_report
from aurora_mm.apis import command


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('work_dir', metavar='WORK_DIR', help='folder of a training run, or of test results alone')
    parser.add_argument('--results', metavar='DIR', help='test results (default: WORK_DIR or WORK_DIR/test)')
    parser.add_argument('--submission', metavar='DIR', help='predictions (default: submission/ among the results)')
    parser.add_argument('--data-root', metavar='DIR', help='folder of csv_files, if it has moved since the test')
    parser.add_argument('--out', metavar='FILE', help='where to write (default: report.html among the results)')
    return parser.parse_args(argv)


@command
def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    file = write_html_report(args.work_dir, args.results, args.submission, args.data_root, args.out)
    print(f'wrote {file} ({file.stat().st_size / 1e6:.1f} MB)')


if __name__ == '__main__':
    main()
