from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log
from mmengine.registry import DefaultScope

from aurora_mm.challenge.csv_files import SkippedRow, describe_skipped
from aurora_mm.datasets.image_fingerprints import FINGERPRINTS, pack_fingerprints
from aurora_mm.datasets.seeded_index import seeded_by
from aurora_mm.datasets.source_readers import SOURCE_READERS, ReadItem
from aurora_mm.datasets.verify_files import leave_out_bad
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.registry import DATASETS, TRANSFORMS
from aurora_mm.tasks import Task, TaskTable


@DATASETS.register_module()
class TaskDataset(BaseDataset):
    """A data set of mmdet or mmseg as the images of one task.

    Its annotations are loaded by this package's pipeline, so that they go through the same transforms, checks and
    metrics as those of FMC-UIA. A detection image may hold any number of boxes, of any of the task's classes: boxes are
    cut at the image's edges, those that are marked as crowds or to be ignored are left out, as are those of other
    categories. ``img_id`` is the source's own.

    A COCO file is read strictly, see :class:`~aurora_mm.datasets.coco_file.CocoFile`: an empty box, an id that is not
    there or a size that is not the image's is an error, and no box is left out because it is small.

    Args:
        task: The task, as a dict for :class:`~aurora_mm.tasks.Task`, of a type with a :class:`SourceReader`:
            segmentation or detection. Its classes are the data set's: COCO categories by name, whatever their ids; in
            segmentation by mask value, background first.
        dataset: Config of the data set without pipeline, ``type='mmdet.X'`` or ``type='mmseg.X'``.
        pipeline: Transforms of this package, or their configs.
        test_mode: As in BaseDataset.
        on_error: ``'raise'`` at the first bad image or annotation. ``'skip'`` decodes every file up front, leaves
            images out that are bad or have a bad annotation, the same in every process, and lists them in the log and
            in ``skipped``. What is wrong with a file as a whole raises in either case.
        kwargs: Further arguments of BaseDataset: ``lazy_init``, ``serialize_data``, ``indices``.

    Raises:
        ConfigError: If the data set cannot be read as this task.
        DataError: If there is no image in it, or what it says of one is wrong.

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
        pipeline: Sequence[Mapping[str, Any] | Callable] = (),
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
            pipeline=[TRANSFORMS.build(step) if isinstance(step, Mapping) else step for step in pipeline],
            test_mode=test_mode,
            **kwargs,
        )

    @property
    def tasks(self) -> TaskTable:
        """The one task."""
        return TaskTable([self.task])

    @property
    def metainfo(self) -> dict[str, Any]:
        """``tasks``, the task table, and once the data is read ``images_per_task``, by which scores are complete."""
        metainfo = super().metainfo
        if self._fully_initialized:
            metainfo['images_per_task'] = {name: len(indices) for name, indices in self.indices_by_task().items()}
        return metainfo

    def indices_by_task(self) -> dict[str, np.ndarray]:
        """All indices, under the name of the task."""
        return {self.task.name: np.arange(len(self))}

    def load_data_list(self) -> list[dict[str, Any]]:
        source, read = self._build()
        entries, skipped = [], []
        for index in range(len(source)):
            info = source.get_data_info(index)
            entry = dict(img_path=info['img_path'], img_id=info.get('img_id', index)) | self.task.item_fields()
            try:
                entries.append(entry | read(info))
            except DataError as error:
                if self.on_error == 'raise':
                    raise
                skipped.append(str(error))
        if self.on_error == 'skip':
            entries, bad = leave_out_bad(entries, with_labels=True)
            skipped += [text for _, text in bad]
        self.skipped = [SkippedRow(self.task.name, text) for text in skipped]
        if skipped:
            print_log(describe_skipped(self.skipped, 'bad images'), logger='current', level=logging.WARNING)
        if not entries:
            raise DataError(f'no image for task {self.task.name!r}', file=source.ann_file or None)
        if not self.test_mode:
            self._metainfo[FINGERPRINTS] = pack_fingerprints([entry['img_path'] for entry in entries])
        return entries

    def __getitem__(self, idx: int) -> dict[str, Any]:
        with seeded_by(idx):
            data = self.prepare_data(int(idx))
        if data is None:  # BaseDataset would draw another sample here, unseen
            raise DataError('a transform of the pipeline returned None', file=self.get_data_info(idx)['img_path'])
        return data

    def _build(self) -> tuple[BaseDataset, ReadItem]:
        """Build the source; return it and what reads the annotations of one of its items."""
        cfg = self.source | dict(pipeline=[], test_mode=self.test_mode, lazy_init=True, serialize_data=False)
        cfg['metainfo'] = dict(cfg.get('metainfo') or {}) | dict(classes=self.task.classes)
        with DefaultScope.overwrite_default_scope(cfg['type'].partition('.')[0]):
            source = DATASETS.build(cfg)
        return source, SOURCE_READERS[self.task.type].open(source, self.task)
