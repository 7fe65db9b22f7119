from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log
from mmengine.registry import DefaultScope

from aurora_mm.challenge.fmc_index import SkippedRow, describe_skipped
from aurora_mm.datasets.image_fingerprints import FINGERPRINTS, pack_fingerprints
from aurora_mm.datasets.pipeline import build_pipeline
from aurora_mm.datasets.refused_sources import refuse_source
from aurora_mm.datasets.seeded_dataset import SeededDataset
from aurora_mm.datasets.source_readers import SOURCE_READERS
from aurora_mm.datasets.source_wrappers import read_items
from aurora_mm.datasets.verify_files import leave_out_bad
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.misfits import MISFITS, reason_of
from aurora_mm.registry import DATASETS
from aurora_mm.tasks import Task, TaskTable


@DATASETS.register_module()
class TaskDataset(SeededDataset):
    """Data set of one task that wraps a data set of mmdet or mmseg, or a source of this package.

    The sources of this package are :class:`ClassFolderDataset` for classification and :class:`CocoKeypointDataset` for
    landmarks. The wrapped data set may be inside of ``RepeatDataset``, ``ConcatDataset`` or ``ClassBalancedDataset``.

    Annotations are loaded by the pipeline of this package, so the same transforms, checks and metrics apply as for
    FMC-UIA data. An image of a detection task may have any number of boxes of any class of the task. Boxes are clipped
    to the image. Crowds, ignored boxes and boxes of other categories are skipped. ``img_id`` is that of the wrapped
    data set.

    COCO files are checked, see :class:`~aurora_mm.datasets.coco_file.CocoFile`: empty boxes, unknown ids and image
    sizes that differ from the file are errors, and small boxes are kept.

    Args:
        task: The task, as a dict for :class:`~aurora_mm.tasks.Task`. Its classes must be those of the data set: in
            detection the names of COCO categories, in any order; in segmentation the classes in the order of their
            mask values, the background first; in classification the classes in the order of their indices.
        dataset: Config of the data set without pipeline, with ``type='mmdet.X'``, ``type='mmseg.X'`` or one of the
            sources above. mmseg's ``label_map`` and ``reduce_zero_label`` are applied, and pixels with the value 255
            are ignored.
        pipeline: Transforms of this package, or their configs.
        test_mode: As in BaseDataset.
        on_error: ``'raise'`` raises an error at the first bad image or annotation. ``'skip'`` reads all files at the
            start and removes items with a bad image or annotation, the same ones in every process. They are listed in
            the log and in the attribute ``skipped``. Errors of a whole annotation file are raised in both cases.
        kwargs: Further arguments of BaseDataset: ``lazy_init``, ``serialize_data``, ``indices``.

    Raises:
        ConfigError: If the data set cannot be read as this task, or ``on_error`` is unknown.
        DataError: If there are no images, or the data is not valid.

    Example:
        >>> dataset = dict(
        ...     type='aurora_mm.TaskDataset',
        ...     task=dict(name='nodules', type='detection', classes=['nodule', 'cyst']),
        ...     dataset=dict(type='mmdet.CocoDataset', ann_file='train.json', data_prefix=dict(img='images')),
        ... )
    """

    def __init__(
        self,
        task: Mapping[str, Any] | Task,
        dataset: dict[str, Any],
        pipeline: Sequence[Mapping[str, Any] | Callable[..., Any]] = (),
        test_mode: bool = False,
        on_error: str = 'raise',
        **kwargs: Any,
    ) -> None:
        if on_error not in ('raise', 'skip'):
            raise ConfigError(f"on_error must be 'raise' or 'skip', not {on_error!r}")
        self.on_error = on_error
        self.skipped: list[SkippedRow] = []
        self.task = Task.from_config(task)
        if self.task.type not in SOURCE_READERS:
            raise ConfigError(
                f'TaskDataset reads {" and ".join(SOURCE_READERS)} tasks; {self.task.name!r} is {self.task.type}'
            )
        self.source = dict(dataset)
        super().__init__(
            metainfo=dict(tasks=TaskTable([self.task]).to_config()),
            pipeline=build_pipeline(pipeline),
            test_mode=test_mode,
            **kwargs,
        )

    @property
    def tasks(self) -> TaskTable:
        """A task table with the one task."""
        return TaskTable([self.task])

    @property
    def metainfo(self) -> dict[str, Any]:
        """``tasks``, the task table; after loading also ``images_per_task``, with which scores are complete."""
        metainfo = super().metainfo
        if self._fully_initialized:
            metainfo['images_per_task'] = {name: len(indices) for name, indices in self.indices_by_task().items()}
        return metainfo

    def indices_by_task(self) -> dict[str, np.ndarray]:
        """Return all indices, by the name of the task."""
        return {self.task.name: np.arange(len(self))}

    def load_data_list(self) -> list[dict[str, Any]]:
        skipped: list[str] = []
        items = read_items(self.source, lambda cfg: self._read(cfg, skipped))
        if self.on_error == 'skip':
            items, bad = leave_out_bad(items, with_labels=True)
            skipped += [text for _, text in bad]
        self.skipped = [SkippedRow(self.task.name, text) for text in skipped]
        if skipped:
            print_log(describe_skipped(self.skipped, 'bad images'), logger='current', level=logging.WARNING)
        if not items:
            raise DataError(f'no image for task {self.task.name!r}', file=self.source.get('ann_file') or None)
        if not self.test_mode:
            self._metainfo[FINGERPRINTS] = pack_fingerprints([item['img_path'] for item in items])
        return items

    def _read(self, cfg: Mapping[str, Any], skipped: list[str]) -> list[dict[str, Any]]:
        """Read the items of a data set that is not a wrapper. Messages about bad images are added to ``skipped``."""
        source = self._build(cfg)
        try:
            read = SOURCE_READERS[self.task.type].open(source, self.task)
        except MISFITS as error:
            raise ConfigError(
                f'{cfg["type"]} cannot be read for task {self.task.name!r}: {reason_of(error)}'
            ) from error
        except OSError as error:
            raise DataError(f'{cfg["type"]} of task {self.task.name!r} cannot be read: {error}') from error
        items = []
        for index in range(len(source)):
            info = source.get_data_info(index)
            item = dict(img_path=info['img_path'], img_id=info.get('img_id', index)) | self.task.item_fields()
            try:
                items.append(item | read(info))
            except DataError as error:
                if self.on_error == 'raise':
                    raise
                skipped.append(str(error))
        return items

    def _build(self, cfg: Mapping[str, Any]) -> BaseDataset:
        refuse_source(cfg['type'], self.task)
        cfg = dict(cfg) | dict(pipeline=[], test_mode=self.test_mode, lazy_init=True, serialize_data=False)
        own = {self.task.task_type.outputs: self.task.output_names}
        cfg['metainfo'] = dict(cfg.get('metainfo') or {}) | own
        try:
            with DefaultScope.overwrite_default_scope(cfg['type'].partition('.')[0]):
                return DATASETS.build(cfg)
        except MISFITS as error:
            raise ConfigError(
                f'{cfg["type"]} cannot be built for task {self.task.name!r}: {reason_of(error)}'
            ) from error
        except OSError as error:
            raise DataError(f'{cfg["type"]} of task {self.task.name!r} cannot be read: {error}') from error
