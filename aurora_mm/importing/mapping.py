"""A folder of any layout, described by a file.

The file is JSON: a list of tasks. Each has the fields of :class:`aurora_mm.tasks.Task`, and says where images and
labels are:

- ``images``: a pattern of files below the folder in which ``{id}`` stands for what an image and its mask have in
  common, ``{class}`` for the name of a class, ``{split}`` for a split and ``{group}`` for a patient; ``*`` stands for
  anything within a name. With a table it may be left out: all images are looked at.
- ``masks``: for segmentation, a pattern with the same ``{id}``; ``mask_values``: the value of each class in masks.
- ``table``: a CSV file or an Excel workbook below the folder, with a row for each image or box. ``image``, ``match``,
  ``frame``, ``group`` and ``split`` name columns, see :class:`aurora_mm.importing.table_of_images.TableOfImages`. The
  label is that of the columns ``class``, ``value``, ``mask``, ``box`` or ``columns``, see
  :mod:`aurora_mm.importing.table_answers`. With ``masks`` or ``{class}``, the table says groups and splits alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.importing.found import FoundTask
from aurora_mm.importing.layout import Layout
from aurora_mm.importing.mapped_task import MappedTask
from aurora_mm.importing.options import ImportOptions
from aurora_mm.importing.tree import Tree
from aurora_mm.json_files import read_json_value

MAP_TEMPLATE = """\
[
  {"name": "lesion", "type": "segmentation", "classes": ["background", "lesion"],
   "images": "{split}/scans/{id}.png", "masks": "{split}/outlines/{id}_m.png", "mask_values": [0, 255]},
  {"name": "finding", "type": "classification", "classes": ["benign", "malignant"],
   "images": "sorted/{class}/{group}_{id}.jpg"},
  {"name": "birads", "type": "classification", "classes": ["2", "3", "4", "5"],
   "table": "labels.csv", "image": "file", "class": "BI-RADS", "group": "patient"}
]"""


class MappedLayout(Layout):
    """What a list of tasks describes.

    Args:
        items: The list, see :mod:`aurora_mm.importing.mapping`.
        origin: Where it stands, for messages.

    Raises:
        ConfigError: If it describes no tasks.
    """

    name = 'described by a file'
    options = ()
    reads_tables = True

    def __init__(self, items: Any, origin: str | Path) -> None:
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items) or not items:
            raise ConfigError(f'{origin} must hold a list of tasks, as\n{MAP_TEMPLATE}')
        self._tasks = [MappedTask(item, origin) for item in items]

    @classmethod
    def from_file(cls, file: Path) -> MappedLayout:
        """Read a JSON file that holds the list.

        Raises:
            ConfigError: If the file cannot be read or describes no tasks.
        """
        try:
            return cls(read_json_value(file), file)
        except DataError as error:
            raise ConfigError(str(error)) from error

    def matches(self, tree: Tree) -> bool:
        """See :meth:`Layout.matches`."""
        return True

    def find(self, tree: Tree, options: ImportOptions) -> list[FoundTask]:
        """See :meth:`Layout.find`."""
        return [task.find(tree) for task in self._tasks]
