from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

import numpy as np

from aurora_mm.challenge.row_columns import Records, first_places
from aurora_mm.images.shards.sharded_root import shards_of
from aurora_mm.images.sources import split_source


class Items(Sequence[dict[str, Any]]):
    """The items of a data set of tasks, each made from columns when it is read, so that it may be changed.

    Nothing is kept for an item but its numbers and texts in arrays, which forked workers share.

    Legend: M rows of the data set, N items of this sequence.

    Args:
        records: The M rows.
        of_task: Fields of each task's items, see :meth:`aurora_mm.tasks.Task.item_fields`.
        with_group: Whether items always have the key ``group``. If not, they have it if it is not their image.
        all_labels: Whether items have ``other_rows``, the items of other tasks with the same image.
        places: (N,) int32, the rows to take. All by default.
    """

    def __init__(
        self,
        records: Records,
        of_task: Mapping[str, Mapping[str, Any]],
        with_group: bool = False,
        all_labels: bool = False,
        places: np.ndarray | None = None,
    ) -> None:
        self._records = records
        self._of_task = of_task
        self._with_group = with_group
        self._places = np.arange(len(records), dtype=np.int32) if places is None else places
        self._by_image = _ByImage(records.columns.image[records.rows]) if all_labels else None

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, index: slice | np.ndarray) -> Items: ...

    def __getitem__(self, index: int | slice | np.ndarray) -> dict[str, Any] | Items:
        if isinstance(index, slice | np.ndarray):
            chosen = object.__new__(Items)
            chosen.__dict__.update(self.__dict__, _places=self._places[index])
            return chosen
        place = int(self._places[index])
        item = self._item(place)
        if self._by_image is not None:
            others = (self._item(other) for other in self._by_image.rows_like(place))
            item['other_rows'] = [other for other in others if other['task'] != item['task']]
        return item

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[index] for index in range(len(self)))

    def __deepcopy__(self, memo: dict[int, Any]) -> Items:
        return self  # nothing changes it

    def places_of_task(self, task: str) -> np.ndarray:
        """Return the increasing indices of a task's items."""
        columns = self._records.columns
        wanted = np.array([name == task for name, _ in columns.tasks], bool)
        return np.flatnonzero(wanted[columns.task[self._rows()]])

    def kinds(self, tasks: Sequence[str]) -> dict[tuple[str, ...], np.ndarray]:
        """Group the images by the tasks that they have labels of.

        Args:
            tasks: Names of all tasks.

        Returns:
            Increasing indices of the first item of each image, by the names of the image's tasks in the order given.
        """
        columns, rows = self._records.columns, self._records.rows
        of_image = np.zeros((int(columns.image.max(initial=-1)) + 1, -(-len(tasks) // 8)), np.uint8)
        for number, (name, _) in enumerate(columns.tasks):
            if name in tasks:
                byte, bit = divmod(tasks.index(name), 8)
                of_image[columns.image[rows[columns.task[rows] == number]], byte] |= 1 << bit
        image = columns.image[self._rows()]
        first = first_places(image)
        kinds, kind = np.unique(of_image[image[first]], axis=0, return_inverse=True)
        order = sorted(range(len(kinds)), key=lambda number: first[kind == number].min())
        return {
            tuple(name for place, name in enumerate(tasks) if kinds[number, place // 8] >> place % 8 & 1): np.sort(
                first[kind == number]
            )
            for number in order
        }

    def image_files(self) -> list[str]:
        """Return the path of each image file once. Frames of files with several pictures are left out."""
        columns, rows = self._records.columns, self._rows()
        first = rows[first_places(columns.image[rows])]
        return columns.img_paths(first[~columns.image_path.contain('#frame=', first)])

    def shards(self) -> np.ndarray:
        """Return (N,) int64, the shard that each item's image is in, -1 if it is a file of its own."""
        columns, rows = self._records.columns, self._rows()
        _, first, image = np.unique(columns.image[rows], return_index=True, return_inverse=True)
        return shards_of([str(split_source(path)[0]) for path in columns.img_paths(rows[first])])[image]

    def _rows(self) -> np.ndarray:
        return self._records.rows[self._places]

    def _item(self, place: int) -> dict[str, Any]:
        record = self._records[place]
        of_task = self._of_task[record.task].items()
        item = dict(
            img_path=record.img_path,
            **{key: list(value) if isinstance(value, list) else value for key, value in of_task},
            csv_file=record.csv_file,
            csv_row=record.csv_row,
            image_path=record.image_path,
        )
        if record.mask_path:
            item['mask_path'] = record.mask_path
        if self._with_group or record.group != record.image:
            item['group'] = record.group
        if record.pixel_spacing is not None:
            item['pixel_spacing'] = record.pixel_spacing
        return item | record.annotation | dict(img_id=place)


class _ByImage:
    """The rows of each image.

    Args:
        image: (M,) int32, number of each row's image.
    """

    def __init__(self, image: np.ndarray) -> None:
        self._image = image
        self._order = np.argsort(image, kind='stable').astype(np.int32)
        self._in_order = image[self._order]

    def rows_like(self, row: int) -> list[int]:
        """Return the increasing indices of the rows with the image of a row."""
        start, end = np.searchsorted(self._in_order, [self._image[row], self._image[row] + 1])
        return self._order[start:end].tolist()
