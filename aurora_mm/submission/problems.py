"""Problems of a submission."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from aurora_mm.tables import console_text


class Problem(NamedTuple):
    """A problem of a submission.

    Args:
        file: Path relative to the folder of the submission.
        task: Task of the row; '' for a problem of the whole file.
        image: Image path of the row; '' for a problem of the whole file.
        message: Description with the value.
        scored: Whether the prediction is scored in spite of the problem.
        allowed: Whether the challenge's format allows it, so that it is counted and not listed.
    """

    file: str
    task: str
    image: str
    message: str
    scored: bool
    allowed: bool = False


def problem_table(problems: Sequence[Problem]) -> str:
    """Format problems as a table for a console. Those of unscored predictions come first."""
    table = Table(title=f'{len(problems)} problem{"s" if len(problems) > 1 else ""}', title_justify='left')
    for name in ('file', 'task', 'image', 'problem', 'scored'):
        table.add_column(name, overflow='fold')
    for problem in sorted(problems, key=lambda p: (p.scored, p.file, p.task)):
        cells = (problem.file, problem.task, problem.image, problem.message, 'as it stands' if problem.scored else 'no')
        table.add_row(*map(Text, cells))
    return console_text(table)
