from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from aurora_mm.column_names import folded_header
from aurora_mm.converters.splits import SPLIT_NAMES, split_of
from aurora_mm.errors import ConfigError
from aurora_mm.images.image_faults import naming
from aurora_mm.images.reading import open_image_file
from aurora_mm.importing.named_images import NamedImages, images_named
from aurora_mm.importing.table_file import TableFile, TableRow
from aurora_mm.importing.tree import Tree

_HEADERS = ('image', 'imagepath', 'imagename', 'imageid', 'imagefile', 'file', 'filename', 'filepath', 'path', 'img')


class TableOfImages:
    """The rows of a table by the images that they name.

    Args:
        tree: The folder of the images and of the table.
        fields: ``table``, the path of the table below the folder; ``image``, the column of what names an image, which
            is found out otherwise; ``match``, the DICOM attribute that this column contains in place of names;
            ``frame``, the column of the frame, counted from 0, where rows are about single frames; ``group`` and
            ``split``, the columns of the patient and of the split.
        images: The images that rows may be about. Rows about others of the folder are left out.
        place: What the fields come from, for error messages.
        is_single: Whether a row is about one image, and not about all of a folder or of a DICOM study.

    Attributes:
        rows: The rows of each image and frame, None for the whole file, in the order of the table.

    Raises:
        ConfigError: If a field names no file or no column.
        DataError: If a row names no image of the folder, several where it may name one, or no frame of its image.
    """

    keys = ('table', 'image', 'match', 'frame', 'group', 'split')

    def __init__(
        self,
        tree: Tree,
        fields: Mapping[str, Any],
        images: Iterable[PurePosixPath],
        place: str | Path,
        is_single: bool,
    ) -> None:
        for key in self.keys:
            if not isinstance(fields.get(key, ''), str):
                raise ConfigError(f'{place}: {key} must be text, not {fields[key]!r}')
        if PurePosixPath(fields['table']) not in tree.files:
            raise ConfigError(f'{place}: there is no table {fields["table"]!r} in {tree.root}')
        self._tree = tree
        self._fields = {key: fields[key] for key in self.keys if fields.get(key)}
        self.table = tree.table(PurePosixPath(fields['table']))
        named = images_named(tree, fields.get('match', ''))
        self._column = fields.get('image') or image_column(self.table, named) or ''
        if not self._column:
            columns = ', '.join(self.table.columns)
            raise ConfigError(f"{place}: none of the columns {columns} names images; name the one that does as 'image'")
        of_rows = [self._fields[key] for key in ('frame', 'group', 'split') if key in self._fields]
        self.table.require([self._column, *of_rows], place)
        self._is_single = is_single
        self._frames_of: dict[PurePosixPath, int] = {}
        self.rows = self._by_image(named, set(images))

    def group(self, rows: list[TableRow]) -> str:
        """Return the group of an image by its rows; '' if the table says none.

        Raises:
            DataError: If a cell is blank, or rows differ.
        """
        return self._common(rows, 'group')

    def split(self, rows: list[TableRow]) -> str:
        """Return 'train', 'val' or 'test' by the rows of an image; '' if the table says no split.

        Raises:
            DataError: If a cell is blank or names no split, or rows differ.
        """
        name = self._common(rows, 'split')
        if not name:
            return ''
        found = split_of(name)
        if found is None:
            raise rows[0].fault(f'{name!r} in column {self._fields["split"]!r} names no split: {SPLIT_NAMES}')
        return found[0]

    def _common(self, rows: list[TableRow], key: str) -> str:
        column = self._fields.get(key)
        if column is None:
            return ''
        text = rows[0].cells[column]
        for row in rows:
            if not row.cells[column]:
                raise row.fault(f'column {column!r} is blank')
            if row.cells[column] != text:
                raise row.fault(f'{row.cells[column]!r} in column {column!r} contradicts row {rows[0].line}, {text!r}')
        return text

    def _by_image(
        self, named: NamedImages, wanted: set[PurePosixPath]
    ) -> dict[tuple[PurePosixPath, int | None], list[TableRow]]:
        found: dict[tuple[PurePosixPath, int | None], list[TableRow]] = {}
        for row in self.table.rows:
            name = row.cells[self._column]
            images = named.find(name) if name else []
            if not images:
                what = self._fields.get('match', 'name')
                raise row.fault(f'no image in {self._tree.root} has the {what} {name!r} of column {self._column!r}')
            images = [image for image in images if image in wanted]
            if len(images) > 1 and (self._is_single or named.is_file(name)):
                raise row.fault(
                    f'{name!r} in column {self._column!r} names {len(images)} images, {images[0]} and {images[1]} '
                    'among them, and this row can be about one'
                )
            for image in images:
                found.setdefault((image, self._frame(row, image)), []).append(row)
        self._tell_first_frame({frame for _, frame in found})
        return found

    def _tell_first_frame(self, frames: set[int | None]) -> None:
        if 1 in frames and 0 not in frames:
            column = self._fields['frame']
            self._tree.warn(
                f'{self._fields["table"]}: no row is about frame 0, and some are about frame 1. Frames count from 0: '
                f'if column {column!r} counts from 1, each label is taken for that of the next frame; subtract 1 there'
            )

    def _frame(self, row: TableRow, image: PurePosixPath) -> int | None:
        column = self._fields.get('frame')
        if column is None:
            return None
        number = row.number(column)
        if image not in self._frames_of:
            with naming(self._tree.path(image)):
                self._frames_of[image] = open_image_file(self._tree.path(image)).frames
        count = self._frames_of[image]
        if not (number.is_integer() and 0 <= number < count):
            raise row.fault(f'{image} has {count} frames, counted from 0, but column {column!r} says {number:g}')
        return int(number)


def is_image_header(column: str) -> bool:
    """Return whether a column is called as names of images are, such as ``file`` or ``Image ID``."""
    return folded_header(column) in _HEADERS


def image_column(table: TableFile, named: NamedImages) -> str | None:
    """Return the column of a table in which most cells name an image; None if in none half of them do.

    Of several such columns, one that is called as names of images are comes first.
    """
    counts = {
        column: sum(bool(named.find(row.cells[column])) for row in table.rows if row.cells[column])
        for column in table.columns
    }
    best = max(counts.values())
    columns = [column for column in table.columns if counts[column] == best]
    columns.sort(key=lambda column: not is_image_header(column))
    return columns[0] if 2 * best >= len(table.rows) else None
