"""Check the report of `coverage json` against the least shares of lines and branches of folders.

python .ci/check_coverage.py build/coverage.json --lines aurora_mm=92 --branches aurora_mm/datasets=90
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any


def limit(text: str) -> tuple[str, float]:
    """Read ``FOLDER=PERCENT``."""
    folder, _, percent = text.rpartition('=')
    return folder.rstrip('/'), float(percent)


def share(report: dict[str, Any], folder: str, counted: str) -> tuple[int, int]:
    """Return how many lines or branches of a folder were run, and how many there are.

    Args:
        report: What ``coverage json`` writes.
        folder: Folder of the package, relative to the project.
        counted: ``'lines'`` or ``'branches'``.
    """
    run, there = {
        'lines': ('covered_lines', 'num_statements'),
        'branches': ('covered_branches', 'num_branches'),
    }[counted]
    files = [file['summary'] for name, file in report['files'].items() if name.startswith(f'{folder}/')]
    return sum(file[run] for file in files), sum(file[there] for file in files)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('report', type=Path, help='file of `coverage json`')
    for counted in ('lines', 'branches'):
        parser.add_argument(f'--{counted}', nargs='+', type=limit, default=[], metavar='FOLDER=PERCENT')
    args = parser.parse_args()
    report = json.loads(args.report.read_text())
    failed = False
    for counted in ('lines', 'branches'):
        for folder, least in getattr(args, counted):
            run, there = share(report, folder, counted)
            if not there:
                sys.exit(f'{args.report} has no {counted} of {folder}')
            percent = 100 * run / there
            failed |= percent < least
            print(f'{folder}: {run:,} of {there:,} {counted} ({percent:.1f} %), at least {least:g} %')
    if failed:
        sys.exit('too few are run by the tests')


if __name__ == '__main__':
    main()
