"""Prints what became of the bad inputs at the end of a run."""

from tests.faults.tally import COUNTS, markdown


def pytest_terminal_summary(terminalreporter):
    if COUNTS:
        terminalreporter.section('bad inputs')
        terminalreporter.write_line(markdown())
