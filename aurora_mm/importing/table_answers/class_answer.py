from __future__ import annotations

from typing import Any

from aurora_mm.importing.table_answers.class_cells import class_index
from aurora_mm.importing.table_answers.one_row_answer import OneRowAnswer
from aurora_mm.importing.table_file import TableRow


class ClassAnswer(OneRowAnswer):
    """``class``: the column of the names of classes."""

    keys = ('class',)

    def _columns(self) -> tuple[str, ...]:
        return (self._column('class'),)

    def _read_row(self, row: TableRow) -> dict[str, Any]:
        return dict(gt_label=class_index(self.task, row, self.columns[0]))
