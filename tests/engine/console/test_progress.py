"""A bar on a terminal, lines elsewhere."""

import io

import pytest
from rich.console import Console

from aurora_mm.engine.console import LineProgress, TerminalProgress, progress
from aurora_mm.engine.console.progress import duration


def run(bar, steps, details=lambda: 'loss 1.5'):
    bar.start()
    for _ in range(steps):
        bar.advance(details)
    bar.close()


def test_a_line_every_so_many_steps_and_one_at_the_end(capsys):
    run(LineProgress('epoch 2/3', 7, interval=3), 7)
    shown = [line.split('  ') for line in capsys.readouterr().out.splitlines()]
    assert [[line[0], line[1], line[3]] for line in shown] == [
        ['epoch 2/3', f'{done}/7', 'loss 1.5'] for done in (3, 6, 7)
    ]
    assert [line[2] for line in shown] == ['0:00:00 left', '0:00:00 left', '0:00:00']


def test_a_passing_one_has_no_line_at_its_end(capsys):
    run(LineProgress('validation', 7, stays=False, interval=10), 7)
    assert capsys.readouterr().out == ''


def test_one_that_goes_on_counts_from_where_it_was(capsys):
    run(LineProgress('steps', 10, done=4, interval=5), 6, details=str)
    assert [line.split('  ')[1] for line in capsys.readouterr().out.splitlines()] == ['5/10', '10/10']


def test_details_are_worked_out_only_when_they_are_shown(capsys):
    asked = []
    run(LineProgress('epoch 1/1', 100, interval=50), 100, details=lambda: asked.append(1) or '')
    assert len(asked) == 2


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv('TERM', 'xterm')  # on a terminal that cannot move its cursor rich draws no bar
    console = Console(file=io.StringIO(), force_terminal=True, width=100, highlight=False, markup=False)
    monkeypatch.setattr(progress, 'console', lambda: console)
    return console.file


def test_a_bar_is_drawn_in_place_and_left_full(terminal):
    run(TerminalProgress('epoch 2/3', 7), 7)
    *drawings, _ = terminal.getvalue().split('\n')
    (line,) = drawings  # each drawing goes back to the line's beginning
    last = line.split('\r')[-1]
    assert 'epoch 2/3' in last and '7/7' in last and 'loss 1.5' in last


def test_a_passing_bar_is_wiped(terminal):
    run(TerminalProgress('validation', 2, stays=False), 2)
    assert terminal.getvalue().endswith('\x1b[1A\x1b[2K')


@pytest.mark.parametrize(('seconds', 'text'), [(0.4, '0:00:00'), (65, '0:01:05'), (90_000, '1 day, 1:00:00')])
def test_duration(seconds, text):
    assert duration(seconds) == text
