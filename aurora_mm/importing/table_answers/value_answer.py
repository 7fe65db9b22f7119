from __future__ import annotations

from typing import Any

from aurora_mm.importing.table_answers.one_row_answer import OneRowAnswer
from aurora_mm.importing.table_file import TableRow


class ValueAnswer(OneRowAnswer):
    """``value``: the column of numbers."""

    keys = ('value',)

    def _columns(self) -> tuple[str, ...]:
        return (self._column('value'),)

    def _read_row(self, row: TableRow) -> dict[str, Any]:
        return dict(value=row.number(self.columns[0]))
