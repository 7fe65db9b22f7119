from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dataset import force_full_init
from mmengine.logging import print_log

from aurora_mm.challenge.csv_files import read_root
from aurora_mm.challenge.fmc_index import FmcIndex, SkippedRow, describe_skipped
from aurora_mm.challenge.index_cache import IndexCache
from aurora_mm.challenge.row_columns import Records
from aurora_mm.challenge.unread_columns import unread_columns
from aurora_mm.data_root import SIDES, DataRoot
from aurora_mm.datasets.image_fingerprints import FINGERPRINTS, pack_fingerprints
from aurora_mm.datasets.items import Items
from aurora_mm.datasets.pipeline import build_pipeline
from aurora_mm.datasets.seeded_dataset import SeededDataset
from aurora_mm.datasets.split import split_rows
from aurora_mm.datasets.verify_files import verify_items
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.images.shards.remote_root import local_data_root
from aurora_mm.registry import DATASETS
from aurora_mm.tasks import Task, TaskTable


@DATASETS.register_module()
class FMCUIADataset(SeededDataset):
    """Data set of many tasks in the layout of the FMC-UIA challenge: CSV files with one row per image and task.

    If ``data_root`` contains ``csv_files/``, its rows are split into train, val and test by ``ratios`` and ``seed``.
    Otherwise it must contain ``train/csv_files/``, ``val/csv_files/`` or ``test/csv_files/``, which are used without
    further splitting.

    Each item of ``data_list`` is a dict with these keys:

    - ``img_path`` and ``img_id``, the index of the item,
    - ``task``, ``task_type``, ``num_outputs``, ``may_flip``, ``may_zoom``, ``max_rotation``, ``flip_indices`` and
      ``point_order``, see :meth:`aurora_mm.tasks.Task.item_fields`,
    - ``csv_file`` and ``csv_row``, the line in that file,
    - ``image_path`` and, if there is one, ``mask_path``: the unchanged text of these columns,
    - ``group``, if there is a group column,
    - ``pixel_spacing``, (height, width) of a pixel of the image in mm, if the column of this name says it,
    - the annotation, by task type: ``seg_map_path``, ``gt_label``, ``bbox`` (xyxy) or ``points`` (K lists of x and y),
      in original coordinates. See :class:`aurora_mm.annotations.Annotation`.

    ``metainfo['tasks']`` is the task table as a list of dicts. With ``test_mode=False``,
    ``metainfo['image_fingerprints']`` identifies the image files, see
    :func:`aurora_mm.datasets.image_fingerprints.pack_fingerprints`.

    Args:
        data_root: The folder described above, or its URL, such as ``s3://bucket/data``. Images and masks may be in
            shards, which ``aurora-mm make-shards`` writes. Those of a URL must be.
        split: ``'train'``, ``'val'``, ``'test'``, or ``'all'`` for all rows of ``csv_files/``.
        tasks: Known tasks, as dicts for :class:`~aurora_mm.tasks.Task`. Further tasks of the data are added.
        ratios: Fraction of each task's rows in ``'train'``, ``'val'`` and ``'test'``. They must sum to 1. By default
            0.8, 0.2 and 0.
        seed: Random seed of the split.
        group_column: CSV column such as a patient's id. Images with the same value are never divided between splits.
            By default the column ``group``, if there is one.
        with_labels: Whether to read annotations. False for data without labels.
        on_error: ``'raise'`` raises an error at the first bad row. ``'skip'`` reads all files at the start and removes
            bad rows, the same ones in every process. They are listed in the log and in the attribute ``skipped``.
        include: Names of the tasks to keep, all by default. It does not change the split. ``tasks`` then only contains
            these tasks.
        all_labels: Whether an item also contains the annotations of its image for other tasks, as a list of items
            ``other_rows``. The image is then read, augmented and encoded once for all of its tasks.
        index_cache: Folder in which the checked index is kept, so that the CSV files of a large data set are not read
            again by each run, see :class:`aurora_mm.challenge.index_cache.IndexCache`. None keeps none.
        shard_cache: ``folder``, in which shards of a data root that is somewhere else are kept while they are used, and
            ``max_gb``, the limit of its size in gigabytes, see
            :class:`aurora_mm.images.shards.shard_cache.ShardCache`. None reads shards where they are.
        pipeline: Transforms, or their configs.
        test_mode: As in BaseDataset.
        serialize_data: Has no effect: items are made from arrays that workers share, see
            :class:`~aurora_mm.datasets.items.Items`.
        kwargs: Further arguments of BaseDataset: ``lazy_init``, ``indices``.

    Raises:
        DataError: If the data is not valid. The message names the file, the row and the value. A bad item is never
            replaced by another one.
        ConfigError: If arguments contradict each other or the data.
    """

    def __init__(
        self,
        data_root: str,
        split: str = 'train',
        tasks: Sequence[Task | Mapping[str, Any]] = (),
        ratios: Mapping[str, float] | None = None,
        seed: int = 42,
        group_column: str | None = None,
        with_labels: bool = True,
        on_error: str = 'raise',
        include: Iterable[str] | None = None,
        all_labels: bool = False,
        index_cache: str | None = None,
        shard_cache: Mapping[str, Any] | None = None,
        pipeline: Sequence[Mapping[str, Any] | Callable[..., Any]] = (),
        test_mode: bool = False,
        serialize_data: bool = True,
        **kwargs: Any,
    ) -> None:
        if split not in (*SIDES, 'all'):
            raise ConfigError(f'split {split!r} is none of {", ".join(SIDES)}, all')
        self.split = split
        self.ratios = dict(train=0.8, val=0.2, test=0.0) if ratios is None else dict(ratios)
        self.seed = seed
        self.group_column = group_column
        self.with_labels = with_labels
        self.on_error = on_error
        self.include = None if include is None else tuple(include)
        self.all_labels = all_labels
        self.index_cache = None if index_cache is None else IndexCache(index_cache)
        self.shard_cache = dict(shard_cache) if isinstance(shard_cache, Mapping) else shard_cache
        self.skipped: list[SkippedRow] = []
        self._tasks = TaskTable(tasks)
        super().__init__(
            data_root=str(data_root),
            data_prefix={},  # MMEngine would join it with the root, and does not know all URLs
            metainfo=dict(tasks=self._tasks.to_config()),
            # Built here and not by Compose, which would look in the current scope only.
            pipeline=build_pipeline(pipeline),
            test_mode=test_mode,
            serialize_data=False,
            **kwargs,
        )

    @property
    def tasks(self) -> TaskTable:
        """The known tasks and those that the data added, or the tasks of ``include``. Some may have no images here."""
        if not self._fully_initialized:
            self.full_init()
        return self._tasks

    @property
    def metainfo(self) -> dict[str, Any]:
        """``tasks``, the task table; after loading also ``images_per_task``, with which scores are complete."""
        metainfo = super().metainfo
        if self._fully_initialized:
            metainfo['images_per_task'] = {name: len(indices) for name, indices in self.indices_by_task().items()}
        return metainfo

    def indices_by_task(self) -> dict[str, np.ndarray]:
        """Return the increasing indices of each task's items, in table order. Tasks without items are left out."""
        found = {name: self.data_list.places_of_task(name) for name in self.tasks}
        return {name: indices for name, indices in found.items() if len(indices)}

    def indices_by_kind(self) -> dict[tuple[str, ...], np.ndarray]:
        """Group the images by the tasks that they have labels of, see :func:`indices_by_kind`.

        With ``all_labels``, an image has the index of its first item. Otherwise every item counts as an image.
        """
        if not self.all_labels:
            return {(name,): indices for name, indices in self.indices_by_task().items()}
        tasks = list(self.tasks)
        return self.data_list.kinds(tasks)

    def shards(self) -> np.ndarray:
        """Return (N,) int64, the shard that each item's image is in, -1 if it is a file of its own."""
        if not self._fully_initialized:
            self.full_init()
        return self.data_list.shards()

    def load_data_list(self) -> Items:
        root, whole = self._find_root()
        index = self._read_index(root)
        records = index.records if whole else self._side_of(index)
        self._tasks, skipped = index.tasks, index.skipped
        if self.include is not None:
            self._tasks = self._included_tasks(self.include)
            records = records.of_tasks(self._tasks)
        self._metainfo['tasks'] = self._tasks.to_config()
        of_task = {name: task.item_fields() for name, task in self._tasks.items()}
        if index.repeated:
            text = describe_skipped(index.repeated, 'rows that repeat others', examples=3)
            print_log(f'{root}: {text}', logger='current', level=logging.WARNING)
        if self.on_error == 'skip':
            items = Items(records, of_task)
            problems = verify_items(items, self.with_labels)
            skipped += [SkippedRow(items[i]['task'], text) for i, text in enumerate(problems) if text is not None]
            records = records[np.flatnonzero([text is None for text in problems])]
        self.skipped = skipped
        if skipped:
            print_log(f'{root}: {describe_skipped(skipped)}', logger='current', level=logging.WARNING)
        if not len(records):
            raise DataError(f'no row is left for split {self.split!r} and include={self.include}', file=root)
        items = Items(records, of_task, self.group_column is not None, self.all_labels)
        if not self.test_mode:
            self._metainfo[FINGERPRINTS] = pack_fingerprints(items.image_files())
        return items

    @force_full_init
    def get_data_info(self, idx: int) -> dict[str, Any]:
        """Return an item, see :class:`FMCUIADataset`. BaseDataset would copy it, but each is made when it is read."""
        return self.data_list[idx] | dict(sample_idx=idx if idx >= 0 else len(self) + idx)

    def _get_unserialized_subset(self, indices: Sequence[int] | int) -> Items:
        if isinstance(indices, int):
            return super()._get_unserialized_subset(indices)
        return self.data_list[np.array(indices, np.int64)]

    def _find_root(self) -> tuple[Path, bool]:
        """Return the folder that contains ``csv_files``, and whether all of its rows belong to this split."""
        root = DataRoot.find(local_data_root(self.data_root, self.shard_cache), self.data_root)
        folder = root.folder_of(self.split)
        if root.sides or self.split == 'all':
            return folder, True
        if not self.ratios.get(self.split):
            raise ConfigError(
                f"split {self.split!r} of {folder} has ratio 0 in {self.ratios}; take split='all' for all of its rows"
            )
        if root.is_a_side:
            text = f'{folder} is one split of {folder.absolute().parent}, and its rows are split again'
            print_log(text, logger='current', level=logging.WARNING)
        for text in unread_columns(folder, self.group_column) if self.split == 'train' else ():
            print_log(text, logger='current', level=logging.WARNING)
        return folder, False

    def _read_index(self, root: Path) -> FmcIndex:
        options: dict[str, Any] = dict(
            with_labels=self.with_labels, on_error=self.on_error, group_column=self.group_column
        )
        if self.index_cache is None:
            return read_root(root, self._tasks, **options)
        of_cache = options | dict(tasks=self._tasks.to_config())
        return self.index_cache.read(root, of_cache, lambda: read_root(root, self._tasks, **options))

    def _side_of(self, index: FmcIndex) -> Records:
        records = index.records
        if self.index_cache is None:
            sides = self._split(index)
        else:
            sides = self.index_cache.sides(index, dict(ratios=self.ratios, seed=self.seed), lambda: self._split(index))
        side = records[np.flatnonzero(sides == SIDES.index(self.split))]
        present = side.tasks()
        absent = sorted(name for name in records.tasks() if name not in present)
        if absent:
            print_log(
                f'split {self.split!r} has no image of {", ".join(absent)}', logger='current', level=logging.WARNING
            )
        return side

    def _split(self, index: FmcIndex) -> np.ndarray:
        """Return (N,) int8, the place in ``SIDES`` of the split of each row."""
        columns, rows = index.records.columns, index.records.rows
        order = list(index.tasks)
        rank = np.array([order.index(name) for name, _ in columns.tasks], np.int32)
        group = columns.group[rows]
        group = np.where(group < 0, len(columns.groups) + columns.image[rows], group)
        return split_rows(
            tasks=rank[columns.task[rows]],
            groups=group,
            group_names=lambda places: columns.groups_of(rows[places]),
            strata=columns.stratum[rows],
            ratios=self.ratios,
            seed=self.seed,
        )

    def _included_tasks(self, include: tuple[str, ...]) -> TaskTable:
        for name in include:
            if name not in self._tasks:
                known = ', '.join(self._tasks.nearest(name))
                raise ConfigError(f'include names {name!r}; the tasks are {known}')
        return TaskTable(task for task in self._tasks.values() if task.name in include)
