from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from aurora_mm.importing.table_answers.table_answer import TableAnswer
from aurora_mm.importing.table_file import TableRow


class OneRowAnswer(TableAnswer):
    """Reads a label that one row says; several rows must say the same."""

    def read(self, rows: Sequence[TableRow]) -> dict[str, Any] | None:
        labels = [(row, self._read_row(row)) for row in rows if not row.is_blank(self.columns)]
        for row, label in labels[1:]:
            if label != labels[0][1]:
                raise row.fault(f'contradicts row {labels[0][0].line}, which names the same image')
        return labels[0][1] if labels else None

    @abstractmethod
    def _read_row(self, row: TableRow) -> dict[str, Any]:
        """Return the label that a row says, some of whose cells are not blank."""
