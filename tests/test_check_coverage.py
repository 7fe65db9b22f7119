"""The check of the coverage turns red below a limit, and where nothing was measured."""

import json
import runpy
import sys
from pathlib import Path

import pytest

CHECK = Path(__file__).resolve().parents[1] / '.ci' / 'check_coverage.py'


def summary(*counts):
    names = ('covered_lines', 'num_statements', 'covered_branches', 'num_branches')
    return dict(summary=dict(zip(names, counts, strict=True)))


FILES = {
    'aurora_mm/a/x.py': summary(9, 10, 1, 2),
    'aurora_mm/a/y.py': summary(0, 10, 0, 0),
    'aurora_mm/ab.py': summary(1, 1, 9, 9),
}


@pytest.fixture
def check(tmp_path, monkeypatch):
    (tmp_path / 'coverage.json').write_text(json.dumps(dict(files=FILES)))

    def run(*args):
        monkeypatch.setattr(sys, 'argv', ['check_coverage', str(tmp_path / 'coverage.json'), *args])
        runpy.run_path(str(CHECK), run_name='__main__')

    return run


def test_enough(check, capsys):
    check('--lines', 'aurora_mm/a=45', 'aurora_mm=47', '--branches', 'aurora_mm/a=50')
    assert capsys.readouterr().out.splitlines() == [
        'aurora_mm/a: 9 of 20 lines (45.0 %), at least 45 %',
        'aurora_mm: 10 of 21 lines (47.6 %), at least 47 %',
        'aurora_mm/a: 1 of 2 branches (50.0 %), at least 50 %',
    ]


@pytest.mark.parametrize(
    ('args', 'said'),
    [
        (('--lines', 'aurora_mm/a=46'), 'too few'),
        (('--branches', 'aurora_mm/a=51', 'aurora_mm=50'), 'too few'),
        (('--lines', 'aurora_mm/b=0'), 'has no lines of aurora_mm/b'),
    ],
)
def test_too_little(check, args, said):
    with pytest.raises(SystemExit, match=said):
        check(*args)
