from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from aurora_mm.datasets.class_masks import read_class_mask
from aurora_mm.errors import DataError
from aurora_mm.images.image_faults import naming
from aurora_mm.images.sources import split_source
from aurora_mm.importing.table_answers.mask_cells import mask_named
from aurora_mm.importing.table_answers.one_row_answer import OneRowAnswer
from aurora_mm.importing.table_file import TableRow
from aurora_mm.structures import IGNORED


class ClassMasksAnswer(OneRowAnswer):
    """``columns``: the column of the mask files of each class, by its name, which is also the column's by default.

    A mask is 0 outside of its class, and 1 or 255 inside. A class with a blank cell is not labelled in the image.
    """

    keys = ('columns',)
    has_place = True
    names_masks = True

    def _columns(self) -> tuple[str, ...]:
        return self._column_of_each_class()

    def _read_row(self, row: TableRow) -> dict[str, Any]:
        return dict(masks=[None if row.is_blank([name]) else mask_named(self.tree, row, name) for name in self.columns])

    def complete(self, said: dict[str, Any], image: str, row: TableRow) -> dict[str, Any]:
        """See :meth:`TableAnswer.complete`."""
        files: list[Path | None] = said['masks']
        if Path(split_source(image)[0]) in files:
            raise row.fault(f'a column of masks names the image itself, {image}')
        masks = [None if file is None else _read(file) for file in files]
        shapes = {mask.shape for mask in masks if mask is not None}
        if len(shapes) > 1:
            raise row.fault(f'names masks of different sizes (height, width): {sorted(shapes)}')
        unlabelled = np.full(shapes.pop(), IGNORED, np.uint8)
        return dict(class_masks=np.stack([unlabelled if mask is None else mask for mask in masks]))


def _read(file: Path) -> np.ndarray:
    with naming(file, 'mask'):
        mask, orientation = read_class_mask(file)
    if orientation != 1:
        raise DataError('this mask is stored turned by its EXIF data; save it upright', file=file)
    return mask
