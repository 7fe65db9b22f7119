"""What the columns of a table are, by their names as people give them."""

from __future__ import annotations

from aurora_mm.column_names import GROUP_COLUMNS, folded_header
from aurora_mm.converters.splits import split_of
from aurora_mm.errors import DataError
from aurora_mm.importing.table_answers.class_cells import class_name
from aurora_mm.importing.table_file import TableFile
from aurora_mm.task_names import written_alike

_CLASS = ('label', 'class', 'classname', 'category', 'diagnosis', 'finding', 'pathology', 'target', 'birads', 'tirads')
_SPLIT = ('split', 'set', 'subset', 'partition')
_BOXES = {
    'xyxy': (('xmin', 'ymin', 'xmax', 'ymax'), ('x1', 'y1', 'x2', 'y2'), ('left', 'top', 'right', 'bottom')),
    'xywh': (
        *(('x', 'y', 'width', 'height'), ('x', 'y', 'w', 'h')),
        *(('left', 'top', 'width', 'height'), ('xmin', 'ymin', 'width', 'height')),
    ),
}
_MOST_CLASSES = 10  # from which on most rows must share their class with another


def is_class_name(name: str) -> bool:
    """Return whether a column or an attribute is called as classes are, such as ``label`` or ``Diagnosis``."""
    return folded_header(name) in _CLASS


def class_columns(table: TableFile) -> list[str]:
    """Return the columns that are called as classes are, such as ``label`` or ``Diagnosis``."""
    return [column for column in table.columns if is_class_name(column)]


def group_column(table: TableFile) -> str | None:
    """Return the column of the patient, such as ``patient_id``."""
    return next((column for column in table.columns if folded_header(column) in GROUP_COLUMNS), None)


def split_column(table: TableFile) -> str | None:
    """Return the column that is called as splits are, and names one in most rows. Those that do not are errors."""
    for column in table.columns:
        if folded_header(column) in _SPLIT:
            named = sum(split_of(row.cells[column]) is not None for row in table.rows)
            if 2 * named > len(table.rows):
                return column
    return None


def box_columns(table: TableFile) -> tuple[list[str], str] | None:
    """Return the four columns of a box and their format, ``xyxy`` or ``xywh``; None if there are none."""
    column_of = {folded_header(column): column for column in table.columns}
    for box_format, names in _BOXES.items():
        for box in names:
            if all(name in column_of for name in box):
                return [column_of[name] for name in box], box_format
    return None


def classes_of(table: TableFile, column: str) -> list[str]:
    """Return the classes that a column names, numbers in their order and other names in the alphabet's.

    Raises:
        DataError: If it holds something else than classes: numbers with decimals, texts that are almost all different,
            or names that are written alike, see :func:`aurora_mm.task_names.written_alike`.
    """
    line_of: dict[str, int] = {}
    cells = [(row, class_name(row.cells[column])) for row in table.rows if row.cells[column]]
    for row, name in cells:
        line_of.setdefault(name, row.line)
        if not name.lstrip('-').isdecimal() and name.replace('.', '').replace(',', '').lstrip('-').isdecimal():
            raise row.fault(
                f'column {column!r} holds the number {name}, which is no class; --map describes a task of type '
                'scalar_regression'
            )
    if len(line_of) > max(_MOST_CLASSES, len(cells) / 2):
        raise DataError(
            f'column {column!r} has {len(line_of)} different texts in {len(cells)} rows, which look like no classes; '
            '--map says which columns are labels',
            file=table.file,
        )
    if pair := written_alike(line_of):
        other, name = pair
        raise DataError(
            f'{name!a} in column {column!r} and {other!a} in row {line_of[other]} differ in capitals, spaces, '
            'signs, zeros or the form of their letters alone; write a class in one way',
            file=table.file,
            row=line_of[name],
        )
    return sorted(line_of, key=lambda name: (int(name) if name.isdecimal() else 0, name))
