"""docs/reliability.md names a test for every case, and every test that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
TEXT = (REPO / 'docs' / 'reliability.md').read_text(encoding='utf-8')
NAMED = re.compile(r'`(test_\w+\.py)::(test_\w+)`')


def test_every_test_that_is_named_is_there():
    source: dict[str, str] = {}
    for file in (REPO / 'tests').rglob('test_*.py'):  # wherever it is: files are moved
        source[file.name] = source.get(file.name, '') + file.read_text(encoding='utf-8')
    named = NAMED.findall(TEXT)
    assert len(named) > 80
    missing = [f'{file}::{test}' for file, test in named if f'def {test}(' not in source.get(file, '')]
    assert missing == []


def test_every_case_has_a_test():
    cases = TEXT.split('## Cases', 1)[1].splitlines()
    rows = [line for line in cases if line.startswith('| ') and not line.startswith('| case ')]
    assert len(rows) > 45
    assert [row for row in rows if not NAMED.search(row)] == []


def test_a_pickle_is_read_in_full_in_one_guarded_place_alone():
    found = [
        file.relative_to(REPO).as_posix()
        for folder in ('aurora_mm', 'tools', 'configs', 'benchmarks')
        for file in sorted((REPO / folder).rglob('*.py'))
        if re.search(
            r'weights_only\s*=\s*False|allow_pickle\s*=\s*True|pickle\.loads?\(|yaml\.load\(', file.read_text()
        )
    ]
    assert found == ['aurora_mm/checkpoints/reading.py']
