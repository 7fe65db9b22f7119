from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from aurora_mm.importing.found import FoundTask
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.tree import Tree


class Layout(ABC):
    """A way in which data sets are laid out in folders: the base class, one subclass for each way.

    Attributes:
        name: As tables and messages call it.
        options: The fields of :class:`aurora_mm.importing.options.ImportOptions` that it reads. Others are refused,
            since they would have no effect.
        reads_tables: Whether it reads CSV files and workbooks. Those of other layouts are told, since they may hold
            labels and patients.
    """

    name: ClassVar[str]
    options: ClassVar[tuple[str, ...]] = ('name', 'classes', 'mask_values', 'objects')
    reads_tables: ClassVar[bool] = False

    @abstractmethod
    def matches(self, tree: Tree) -> bool:
        """Whether a folder is laid out so, by the names of its files alone."""

    @abstractmethod
    def find(self, tree: Tree, options: ImportOptions) -> list[FoundTask]:
        """The tasks of a folder that matches.

        Raises:
            DataError: If a file contradicts the layout; the message names it.
            ConfigError: If the options do not fit the data.
        """
