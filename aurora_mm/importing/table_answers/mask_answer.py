from __future__ import annotations

from pathlib import Path
from typing import Any

from aurora_mm.images.sources import split_source
from aurora_mm.importing.answers import of_mask
from aurora_mm.importing.mask_colours import check_mask_values
from aurora_mm.importing.table_answers.mask_cells import mask_named
from aurora_mm.importing.table_answers.one_row_answer import OneRowAnswer
from aurora_mm.importing.table_file import TableRow


class MaskAnswer(OneRowAnswer):
    """``mask``: the column of the names of mask files; ``mask_values``: the value of each class in them."""

    keys = ('mask', 'mask_values')
    has_place = True
    names_masks = True

    def _columns(self) -> tuple[str, ...]:
        check_mask_values(self.fields.get('mask_values'), self.task.num_outputs, self.place)
        return (self._column('mask'),)

    def _read_row(self, row: TableRow) -> dict[str, Any]:
        return dict(mask=mask_named(self.tree, row, self.columns[0]))

    def complete(self, said: dict[str, Any], image: str, row: TableRow) -> dict[str, Any]:
        """See :meth:`TableAnswer.complete`."""
        mask: Path = said['mask']
        if mask == Path(split_source(image)[0]):
            raise row.fault(f'column {self.columns[0]!r} names the image itself, {mask}')
        return of_mask(mask, self.fields.get('mask_values'), self.task.num_outputs)
