"""What cells of a table say about mask files."""

from __future__ import annotations

from pathlib import Path

from aurora_mm.importing.named_images import images_named
from aurora_mm.importing.table_file import TableRow
from aurora_mm.importing.tree import Tree


def mask_named(tree: Tree, row: TableRow, column: str) -> Path:
    """Return the path of the mask file that a cell names.

    Raises:
        DataError: If it names none or several.
    """
    name = row.cells[column]
    masks = images_named(tree).find(name)
    if len(masks) != 1:
        several = len(masks) > 1
        found = f'{masks[0]} and {masks[1]}; write more of the path' if several else 'no image file of this folder'
        raise row.fault(f'{name!r} in column {column!r} names {found}')
    return tree.path(masks[0])
