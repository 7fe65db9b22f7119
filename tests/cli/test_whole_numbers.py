import argparse

import pytest

from aurora_mm.cli.main import load_verbs
from aurora_mm.cli.whole_numbers import count, whole_number_from


def test_whole_numbers_from_the_least_on():
    assert [count('1'), count(' 7 '), whole_number_from(0)('0')] == [1, 7, 0]
    for text in ('0', '-3', '1.5', '1_000', 'two', ''):
        with pytest.raises(argparse.ArgumentTypeError, match='is no whole number of 1 or more'):
            count(text)


@pytest.mark.parametrize(
    'argv',
    [
        ['study', 'c.py', '--trials', '0'],
        ['study', 'c.py', '--jobs', '0'],
        ['study', 'c.py', '--at-once', '0'],
        ['search-weights', 'c.py', '--trials', '0'],
        ['search-weights', 'c.py', '--epochs', '0', '1'],
        ['calibrate', 'c.py', 'm.pth', '--repeats', '0'],
        ['find-lr', 'c.py', '--steps', '0'],
        ['plot-lr', 'c.py', '--out', 'a.png', '--steps-per-epoch', '0'],
        ['get-flops', 'c.py', '--shape', '0', '224'],
        ['browse-dataset', 'c.py', '--out-dir', 'x', '--per-task', '0'],
        ['score', 'data', 'submission', '--workers', '-1'],
        ['check-data', 'data', '--workers', '-1'],
        ['split-data', 'data', 'out', '--workers', '-1'],
        ['make-demo-data', 'out', '--workers', '-1'],
    ],
)
def test_a_number_that_makes_no_sense_is_refused_by_its_name(argv, capsys):
    option = next(text for text in argv if text.startswith('--') and text not in ('--out', '--out-dir'))
    with pytest.raises(SystemExit) as stop:
        load_verbs()[argv[0]].main(argv[1:])
    assert stop.value.code == 2
    assert f'argument {option}: ' in capsys.readouterr().err
