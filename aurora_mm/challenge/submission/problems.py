"""What is wrong with a submission."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from aurora_mm.tables import console_text


class Problem(NamedTuple):
    """One fault.

    Args:
        file: Path under the submission folder.
        task, image: The row of the data, '' where the fault is of the file as a whole.
        message: What is wrong, with the value.
        scored: Whether what it concerns is scored all the same.
    """

    file: str
    task: str
    image: str
    message: str
    scored: bool


def problem_table(problems: Sequence[Problem]) -> str:
    """All problems as a table for a console, unscored ones first."""
    table = Table(title=f'{len(problems)} problem{"s" if len(problems) > 1 else ""}', title_justify='left')
    for name in ('file', 'task', 'image', 'problem', 'scored'):
        table.add_column(name, overflow='fold')
    for problem in sorted(problems, key=lambda p: (p.scored, p.file, p.task)):
        cells = (problem.file, problem.task, problem.image, problem.message, 'as it stands' if problem.scored else 'no')
        table.add_row(*map(Text, cells))
    return console_text(table)
