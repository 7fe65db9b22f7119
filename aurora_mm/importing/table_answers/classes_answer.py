from __future__ import annotations

from typing import Any

from aurora_mm.importing.table_answers.class_cells import class_name
from aurora_mm.importing.table_answers.one_row_answer import OneRowAnswer
from aurora_mm.importing.table_file import TableRow

_TRUE, _FALSE = ('1', 'true', 'yes'), ('0', 'false', 'no')


class ClassesAnswer(OneRowAnswer):
    """``columns``: the column of each class, by its name, which is also that of the column where none is given.

    A cell is 1, true or yes where an image is of the class, and 0, false or no where it is not.
    """

    keys = ('columns',)

    def _columns(self) -> tuple[str, ...]:
        return self._column_of_each_class()

    def _read_row(self, row: TableRow) -> dict[str, Any]:
        return dict(gt_labels=[index for index, column in enumerate(self.columns) if _is_true(row, column)])


def _is_true(row: TableRow, column: str) -> bool:
    text = class_name(row.cells[column].lower())
    if text not in (*_TRUE, *_FALSE):
        raise row.fault(f'{row.cells[column]!r} in column {column!r} is none of {", ".join((*_TRUE, *_FALSE))}')
    return text in _TRUE
