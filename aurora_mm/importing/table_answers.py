"""How the cells of a table say the label of an image, one class for each type of task."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from aurora_mm.datasets.annotations.image_checks import check_inside
from aurora_mm.errors import ConfigError
from aurora_mm.images.image_faults import naming
from aurora_mm.images.reading import read_shape
from aurora_mm.images.sources import split_source
from aurora_mm.importing.answers import of_mask
from aurora_mm.importing.mask_colours import check_mask_values
from aurora_mm.importing.named_images import NamedImages
from aurora_mm.importing.table_file import TableRow
from aurora_mm.importing.tree import Tree
from aurora_mm.task_types import ByTaskType
from aurora_mm.tasks import Task

BOX_FORMATS = ('xyxy', 'xywh')
_TRUE, _FALSE = ('1', 'true', 'yes'), ('0', 'false', 'no')
_WHOLE = re.compile(r'(-?\d+)\.0+')


class TableAnswer(ABC):
    """Reads the label of an image for one task from the rows of a table.

    Args:
        task: The task.
        fields: What the description of the task says about columns.
        tree: The folder in which files that cells name are looked for.
        place: What the fields come from, for error messages.

    Attributes:
        keys: The fields that it reads.
        has_place: Whether the label lies at some place in the image, so that it is that of a single picture.
        columns: Names of the columns that it reads.

    Raises:
        ConfigError: If a field is missing or makes no sense.
    """

    keys: ClassVar[tuple[str, ...]]
    has_place: ClassVar[bool] = False

    def __init__(self, task: Task, fields: Mapping[str, Any], tree: Tree, place: str) -> None:
        self.task = task
        self.fields = fields
        self.tree = tree
        self.place = place
        self.columns = self._columns()

    @abstractmethod
    def _columns(self) -> tuple[str, ...]:
        """Return the names of the columns that are read."""

    @abstractmethod
    def read(self, rows: Sequence[TableRow]) -> dict[str, Any] | None:
        """Return what the rows of an image say.

        Args:
            rows: The rows, at least one.

        Returns:
            What :meth:`complete` makes a label of; None if the image has no label.

        Raises:
            DataError: If a cell makes no sense or rows contradict each other.
        """

    def complete(self, said: dict[str, Any], image: str, row: TableRow) -> dict[str, Any]:
        """Return the label of an image, when it is written.

        Args:
            said: What :meth:`read` returned.
            image: Path of the image.
            row: A row of the image, for error messages.

        Returns:
            As :attr:`aurora_mm.importing.found.FoundRow.answer` gives it.

        Raises:
            DataError: If a file cannot be read, or a place lies outside of the image.
        """
        return said

    def _column(self, key: str) -> str:
        """Return the one column that a field names."""
        column = self.fields.get(key)
        if not isinstance(column, str):
            raise ConfigError(f'{self.place}: needs {key!r}, the name of a column of its table')
        return column

    def _by_output(self, default: Callable[[str], Any]) -> tuple[Any, ...]:
        """Return what the field ``columns`` says of each class or point, or a default where there is no such field."""
        names = self.task.output_names
        given = self.fields.get('columns')
        if given is None:
            return tuple(map(default, names))
        if not isinstance(given, dict) or set(given) != set(names):
            raise ConfigError(f'{self.place}: columns must name the columns of each of {", ".join(names)}')
        return tuple(given[name] for name in names)

    def _check_inside(self, what: str, points: Any, image: str, row: TableRow) -> None:
        with naming(image):
            shape = read_shape(image)
        place = dict(task=self.task.name, img_path=image, ori_shape=shape, csv_file=row.file, csv_row=row.line)
        check_inside(what, np.array(points, np.float64).reshape(-1, 2), place)


class _OneRowAnswer(TableAnswer):
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


class ClassAnswer(_OneRowAnswer):
    """``class``: the column of the names of classes."""

    keys = ('class',)

    def _columns(self) -> tuple[str, ...]:
        return (self._column('class'),)

    def _read_row(self, row: TableRow) -> dict[str, Any]:
        return dict(gt_label=_class_index(self.task, row, self.columns[0]))


class ValueAnswer(_OneRowAnswer):
    """``value``: the column of numbers."""

    keys = ('value',)

    def _columns(self) -> tuple[str, ...]:
        return (self._column('value'),)

    def _read_row(self, row: TableRow) -> dict[str, Any]:
        return dict(value=row.number(self.columns[0]))


class ClassesAnswer(_OneRowAnswer):
    """``columns``: the column of each class, by its name, which is also that of the column where none is given.

    A cell is 1, true or yes where an image is of the class, and 0, false or no where it is not.
    """

    keys = ('columns',)

    def _columns(self) -> tuple[str, ...]:
        columns = self._by_output(lambda name: name)
        if not _are_names(list(columns), len(columns)):
            raise ConfigError(f'{self.place}: columns must name one column of each class')
        return columns

    def _read_row(self, row: TableRow) -> dict[str, Any]:
        return dict(gt_labels=[index for index, column in enumerate(self.columns) if _is_true(row, column)])


class PointsAnswer(_OneRowAnswer):
    """``columns``: the columns of x and y of each point, by its name; ``NAME_x`` and ``NAME_y`` where none are given.

    Coordinates are in pixels of the image as it is stored, with (0, 0) at the outer corner of its first pixel.
    """

    keys = ('columns',)
    has_place = True

    def _columns(self) -> tuple[str, ...]:
        pairs = self._by_output(lambda name: [f'{name}_x', f'{name}_y'])
        for pair in pairs:
            if not _are_names(pair, 2):
                raise ConfigError(f'{self.place}: {pair!r} must be the columns of x and y of a point')
        return tuple(column for pair in pairs for column in pair)

    def _read_row(self, row: TableRow) -> dict[str, Any]:
        numbers = [row.number(column) for column in self.columns]
        return dict(points=[list(pair) for pair in zip(numbers[::2], numbers[1::2], strict=True)])

    def complete(self, said: dict[str, Any], image: str, row: TableRow) -> dict[str, Any]:
        """See :meth:`TableAnswer.complete`."""
        self._check_inside('points', said['points'], image, row)
        return said


class MaskAnswer(_OneRowAnswer):
    """``mask``: the column of the names of mask files; ``mask_values``: the value of each class in them."""

    keys = ('mask', 'mask_values')
    has_place = True

    def _columns(self) -> tuple[str, ...]:
        check_mask_values(self.fields.get('mask_values'), self.task.num_outputs, self.place)
        return (self._column('mask'),)

    def _read_row(self, row: TableRow) -> dict[str, Any]:
        name = row.cells[self.columns[0]]
        masks = self._masks.find(name)
        if len(masks) != 1:
            raise row.fault(f'{name!r} in column {self.columns[0]!r} names {_listed(masks)}')
        return dict(mask=self.tree.path(masks[0]))

    def complete(self, said: dict[str, Any], image: str, row: TableRow) -> dict[str, Any]:
        """See :meth:`TableAnswer.complete`."""
        mask: Path = said['mask']
        if mask == Path(split_source(image)[0]):
            raise row.fault(f'column {self.columns[0]!r} names the image itself, {mask}')
        return of_mask(mask, self.fields.get('mask_values'), self.task.num_outputs)

    @cached_property
    def _masks(self) -> NamedImages:
        return NamedImages(self.tree, self.tree.images)


class BoxAnswer(TableAnswer):
    """``box``: the four columns of a box in pixels; ``box_format``: ``xyxy`` or ``xywh``; ``class``: that of classes.

    A row is a box; one whose four cells are blank says that the image has none. ``class`` may be left out if the task
    has one class.
    """

    keys = ('box', 'box_format', 'class')
    has_place = True

    def _columns(self) -> tuple[str, ...]:
        box: Any = self.fields.get('box')
        self._format = self.fields.get('box_format', 'xyxy')
        if not _are_names(box, 4):
            raise ConfigError(f'{self.place}: box must be the four columns of a box, not {box!r}')
        if self._format not in BOX_FORMATS:
            raise ConfigError(f'{self.place}: box_format must be {" or ".join(BOX_FORMATS)}, not {self._format!r}')
        if 'class' not in self.fields and self.task.num_outputs > 1:
            raise ConfigError(f"{self.place}: there are several classes; name the column of those of boxes as 'class'")
        return (*box, self._column('class')) if 'class' in self.fields else tuple(box)

    def read(self, rows: Sequence[TableRow]) -> dict[str, Any] | None:
        """See :meth:`TableAnswer.read`."""
        filled = [row for row in rows if not row.is_blank(self.columns[:4])]
        boxes = [self._box(row) for row in filled]
        if self.task.type == 'multi_object_detection':
            return dict(bboxes=boxes, bboxes_labels=[self._label(row) for row in filled])
        if len(boxes) > 1:
            raise filled[1].fault(
                f'is a second box in the image of row {filled[0].line}, but task {self.task.name!r} has one box an '
                'image; tasks of type multi_object_detection have any number'
            )
        return dict(bbox=boxes[0]) if boxes else None

    def complete(self, said: dict[str, Any], image: str, row: TableRow) -> dict[str, Any]:
        """See :meth:`TableAnswer.complete`."""
        for box in said.get('bboxes', [said.get('bbox')]):
            self._check_inside('box', box, image, row)
        return said

    def _box(self, row: TableRow) -> list[float]:
        x1, y1, x2, y2 = (row.number(column) for column in self.columns[:4])
        if self._format == 'xywh':
            x2, y2 = x1 + x2, y1 + y2
        if not (x1 < x2 and y1 < y2):
            raise row.fault(f'the box from {(x1, y1)} to {(x2, y2)} has no area')
        return [x1, y1, x2, y2]

    def _label(self, row: TableRow) -> int:
        return _class_index(self.task, row, self.columns[4]) if len(self.columns) > 4 else 0


TABLE_ANSWERS: ByTaskType[type[TableAnswer]] = ByTaskType('reader of tables')
TABLE_ANSWERS.update(
    segmentation=MaskAnswer,
    classification=ClassAnswer,
    detection=BoxAnswer,
    landmark=PointsAnswer,
    multi_object_detection=BoxAnswer,
    scalar_regression=ValueAnswer,
    multi_label_classification=ClassesAnswer,
)
"""The classes of this file by type of task."""


def class_name(cell: str) -> str:
    """Return the name of a class that a cell says: programs that save tables write 1 as 1.0 beside blank cells."""
    whole = _WHOLE.fullmatch(cell)
    return whole[1] if whole else cell


def _class_index(task: Task, row: TableRow, column: str) -> int:
    name = class_name(row.cells[column])
    if name not in task.classes:
        raise row.fault(f'{name!r} in column {column!r} is none of the classes {", ".join(task.classes)}')
    return task.classes.index(name)


def _is_true(row: TableRow, column: str) -> bool:
    text = class_name(row.cells[column].lower())
    if text not in (*_TRUE, *_FALSE):
        raise row.fault(f'{row.cells[column]!r} in column {column!r} is none of {", ".join((*_TRUE, *_FALSE))}')
    return text in _TRUE


def _listed(files: Sequence[Any]) -> str:
    return f'{files[0]} and {files[1]}; write more of the path' if len(files) > 1 else 'no image file of this folder'


def _are_names(value: Any, count: int) -> bool:
    return isinstance(value, list) and len(value) == count and all(isinstance(name, str) for name in value)
