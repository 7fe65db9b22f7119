"""Where the label of an image comes from that a description finds: its path, a mask file, or a table."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.importing.answers import of_label, of_mask
from aurora_mm.importing.mask_colours import check_mask_values
from aurora_mm.importing.patterns import key_of, masks_by_key
from aurora_mm.importing.table_answers import TableAnswer
from aurora_mm.importing.table_file import TableRow
from aurora_mm.importing.tree import Tree
from aurora_mm.tasks import Task

Answer = Callable[[str], dict[str, Any] | None]
"""Gives the label of one picture by its path, which ends with ``#frame=N`` where a file has several."""


class MappedLabel(ABC):
    """Finds the label of each image of a task.

    Attributes:
        keys: The fields of a description that it reads.
        columns: The columns of a table that it reads.
        has_place: Whether labels lie at some place in the image, so that they are those of single pictures.
        names_masks: Whether a table names mask files, which look like images and need no row.
    """

    keys: tuple[str, ...]
    columns: tuple[str, ...] = ()
    has_place: bool = False
    names_masks: bool = False

    @abstractmethod
    def answer(self, image: PurePosixPath, places: Mapping[str, str], rows: Sequence[TableRow]) -> Answer | None:
        """Return what gives the label of the pictures of an image file.

        Args:
            image: Path of the file below the folder.
            places: What stands in the places of the pattern of images.
            rows: The rows of the table about it; none without a table.

        Returns:
            None if the image has no label.

        Raises:
            DataError: If the label cannot be found or makes no sense.
        """

    def is_image(self, image: PurePosixPath) -> bool:
        """Return whether a file that fits the pattern of images is one, and no mask beside it."""
        return True


class PathLabel(MappedLabel):
    """The class that the path of an image names by ``{class}``.

    Args:
        tree: The folder.
        task: The task.
        fields: ``images``, the pattern of images.
        place: What the fields come from, for error messages.

    Raises:
        ConfigError: If the pattern has no ``{class}``.
    """

    keys = ('images',)

    def __init__(self, tree: Tree, task: Task, fields: Mapping[str, Any], place: str) -> None:
        _check_pattern(fields, 'images', '{class}', place)
        self._tree = tree
        self._task = task

    def answer(self, image: PurePosixPath, places: Mapping[str, str], rows: Sequence[TableRow]) -> Answer | None:
        """See :meth:`MappedLabel.answer`."""
        name, classes = places['class'], self._task.classes
        if name not in classes:
            raise DataError(f'is of class {name!r}, none of {list(classes)}', file=self._tree.path(image))
        return lambda _: of_label(classes.index(name))


class MaskFileLabel(MappedLabel):
    """The mask whose path has the same places as that of the image.

    Args:
        tree: The folder.
        task: The task.
        fields: ``images`` and ``masks``, the patterns of images and of mask files; ``mask_values``, the value of each
            class in masks.
        place: What the fields come from, for error messages.

    Raises:
        ConfigError: If the task is none of segmentation, a pattern has no ``{id}``, or the values make no sense.
        DataError: If two masks fit one image.
    """

    keys = ('images', 'masks', 'mask_values')
    has_place = True

    def __init__(self, tree: Tree, task: Task, fields: Mapping[str, Any], place: str) -> None:
        if task.type != 'segmentation':
            raise ConfigError(f'{place}: a task of type {task.type} has no masks')
        for key in ('images', 'masks'):
            _check_pattern(fields, key, '{id}', place)
        check_mask_values(fields.get('mask_values'), task.num_outputs, place)
        self._tree = tree
        self._task = task
        self._fields = fields
        self._masks = masks_by_key(tree, fields['masks'])
        self._files = set(self._masks.values())

    def is_image(self, image: PurePosixPath) -> bool:
        """See :meth:`MappedLabel.is_image`."""
        return image not in self._files

    def answer(self, image: PurePosixPath, places: Mapping[str, str], rows: Sequence[TableRow]) -> Answer | None:
        """See :meth:`MappedLabel.answer`."""
        mask = self._masks.get(key_of(places))
        if mask is None:
            raise DataError(f'this image has no mask {self._fields["masks"]!r}', file=self._tree.path(image))
        values, count = self._fields.get('mask_values'), self._task.num_outputs
        return lambda _: of_mask(self._tree.path(mask), values, count)


class TableLabel(MappedLabel):
    """What the rows of a table say.

    Args:
        reader: Reads them.
    """

    def __init__(self, reader: TableAnswer) -> None:
        self._reader = reader
        self.keys = reader.keys
        self.columns = reader.columns
        self.has_place = reader.has_place
        self.names_masks = reader.names_masks

    def answer(self, image: PurePosixPath, places: Mapping[str, str], rows: Sequence[TableRow]) -> Answer | None:
        """See :meth:`MappedLabel.answer`."""
        said = self._reader.read(rows)
        return None if said is None else lambda source: self._reader.complete(said, source, rows[0])


def _check_pattern(fields: Mapping[str, Any], key: str, part: str, place: str) -> None:
    pattern = fields.get(key)
    if not isinstance(pattern, str) or part not in pattern:
        raise ConfigError(f'{place}: needs a pattern {key!r} that holds {part}, not {pattern!r}')
