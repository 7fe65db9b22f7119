"""Counts what became of bad inputs, by group and kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from aurora_mm.errors import AuroraError

OUTCOMES = ('refused clearly', 'answered rightly', 'escaped')
# Of all tests of a session: (group, kind) -> how many cases had which outcome.
COUNTS: dict[tuple[str, str], Counter[str]] = {}


class Tally:
    """The cases of one kind.

    A case is refused clearly if it ends with an error of aurora_mm whose message is one line that names the file; it is
    answered rightly if the answer is what it was before the input was damaged. Everything else escaped.

    Args:
        group: Row group of the table in docs/reliability.md.
        kind: What was done to the input.

    Example:
        >>> tally = Tally('checkpoints', 'a byte changed')
        >>> tally.case(lambda: read_checkpoint(file), lambda found: same(found, before), names='a.pth')
        >>> assert tally.escaped == []
    """

    def __init__(self, group: str, kind: str) -> None:
        self.counts = COUNTS.setdefault((group, kind), Counter())
        self.escaped: list[str] = []

    def case(self, run: Callable[[], Any], is_right: Callable[[Any], bool], names: str = '', what: object = '') -> None:
        """Runs one case and counts it.

        Args:
            run: What is tried.
            is_right: Whether its result is the right answer.
            names: Text that the message of a refusal must hold.
            what: Describes the case where it escaped.
        """
        try:
            found = run()
        except AuroraError as error:
            text = str(error)
            self.add('refused clearly' if '\n' not in text and names in text else 'escaped', f'{what}: {text!r}')
        except Exception as error:
            self.add('escaped', f'{what}: {type(error).__name__}: {error}')
        else:
            self.add('answered rightly' if is_right(found) else 'escaped', f'{what}: answered wrongly')

    def add(self, outcome: str, what: object = '') -> None:
        """Counts one case by its outcome, one of :data:`OUTCOMES`."""
        assert outcome in OUTCOMES
        self.counts[outcome] += 1
        if outcome == 'escaped':
            self.escaped.append(str(what))


def markdown() -> str:
    """The table of all that was counted in this session, as docs/reliability.md has it."""
    lines = []
    for group in dict.fromkeys(group for group, _ in COUNTS):
        rows = [(kind, counts) for (of, kind), counts in COUNTS.items() if of == group]
        total = sum((counts for _, counts in rows), Counter())
        lines += [f'### {group}', '', f'| what | cases | {" | ".join(OUTCOMES)} |', '|---|---|---|---|---|']
        for kind, counts in [*rows, ('all', total)]:
            lines.append(f'| {kind} | {counts.total()} | {" | ".join(str(counts[name]) for name in OUTCOMES)} |')
        lines.append('')
    return '\n'.join(lines)
