from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from aurora_mm.datasets.annotations.image_checks import check_inside
from aurora_mm.errors import ConfigError
from aurora_mm.images.image_faults import naming
from aurora_mm.images.reading import read_shape
from aurora_mm.importing.table_file import TableRow
from aurora_mm.importing.tree import Tree
from aurora_mm.tasks import Task


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
        names_masks: Whether cells name mask files, which look like images and need no row.
        columns: Names of the columns that it reads.

    Raises:
        ConfigError: If a field is missing or makes no sense.
    """

    keys: ClassVar[tuple[str, ...]]
    has_place: ClassVar[bool] = False
    names_masks: ClassVar[bool] = False

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

    def _column_of_each_class(self) -> tuple[str, ...]:
        """Return the column of each class that the field ``columns`` says, by default the one with its name."""
        columns = self._by_output(lambda name: name)
        if not are_names(list(columns), len(columns)):
            raise ConfigError(f'{self.place}: columns must name one column of each class')
        return columns

    def _check_inside(self, what: str, points: Any, image: str, row: TableRow) -> None:
        with naming(image):
            shape = read_shape(image)
        place = dict(task=self.task.name, img_path=image, ori_shape=shape, csv_file=row.file, csv_row=row.line)
        check_inside(what, np.array(points, np.float64).reshape(-1, 2), place)


def are_names(value: Any, count: int) -> bool:
    """Return whether a field is a list of so many names of columns."""
    return isinstance(value, list) and len(value) == count and all(isinstance(name, str) for name in value)
