"""Counts what became of the cases, and prints it in one table at the end.

python -m pytest tests/faults -m "slow or not slow"                                # the same cases every time
python -m pytest tests/faults -m slow --hypothesis-profile=random                  # others every time
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy

from tests.faults.tally import COUNTS, markdown

_TALLY = pytest.StashKey[dict[str, Counter[str]]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_TALLY] = {}


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if COUNTS:
        terminalreporter.section('bad files')
        terminalreporter.write_line(markdown())
    tally = config.stash[_TALLY]
    if tally:
        terminalreporter.section('faults')
        terminalreporter.write_line(f'{"group":42} {"tried":>8} {"refused":>8} {"right":>8} {"escaped":>8}')
    for group, counts in sorted(tally.items()):
        cells = [counts.total(), counts['refused'], counts['right'], counts['escaped']]
        terminalreporter.write_line(f'{group:42} ' + ' '.join(f'{cell:8,}' for cell in cells))


@pytest.fixture
def try_cases(pytestconfig) -> Callable[..., None]:
    """Runs a check on many cases of a strategy and counts what became of them under the name of a group.

    The check returns 'refused' where one of our own errors was raised and 'right' where the answer was found right by
    another way; anything that it raises has escaped, and fails the test with the smallest such case.
    """

    def run(group: str, cases: int, strategy: SearchStrategy, check: Callable[[Any], str]) -> None:
        counts = pytestconfig.stash[_TALLY].setdefault(group, Counter())

        @settings(max_examples=cases, suppress_health_check=list(HealthCheck))
        @given(strategy)
        def every_case(case: Any) -> None:
            counts['escaped'] += 1
            outcome = check(case)
            counts['escaped'] -= 1
            counts[outcome] += 1

        every_case()

    return run


def many(few: int, slow: int) -> Any:
    """Numbers of cases: some in every run of the tests, many in the slow ones."""
    return pytest.mark.parametrize('cases', [few, pytest.param(slow, marks=pytest.mark.slow)])
