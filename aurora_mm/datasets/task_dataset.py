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
from aurora_mm.datasets.refused_sources import refuse_source
from aurora_mm.datasets.seeded_index import seeded_by
from aurora_mm.datasets.source_readers import SOURCE_READERS
from aurora_mm.datasets.source_wrappers import read_entries
from aurora_mm.datasets.verify_files import leave_out_bad
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.misfits import MISFITS, reason_of
from aurora_mm.registry import DATASETS, TRANSFORMS
from aurora_mm.tasks import Task, TaskTable


@DATASETS.register_module()
class TaskDataset(BaseDataset):
    """A data set of mmdet or mmseg, or one of this package's sources, as the images of one task.

    Sources of this package are :class:`ClassFolderDataset` for classification and :class:`CocoKeypointDataset` for
    landmarks. ``RepeatDataset``, ``ConcatDataset`` and ``ClassBalancedDataset`` may stand around the data set.

    Its annotations are loaded by this package's pipeline, so that they go through the same transforms, checks and
    metrics as those of FMC-UIA. A detection image may hold any number of boxes, of any of the task's classes: boxes are
    cut at the image's edges, those that are marked as crowds or to be ignored are left out, as are those of other
    categories. ``img_id`` is the source's own.

    A COCO file is read strictly, see :class:`~aurora_mm.datasets.coco_file.CocoFile`: an empty box, an id that is not
    there or a size that is not the image's is an error, and no box is left out because it is small.

    Args:
        task: The task, as a dict for :class:`~aurora_mm.tasks.Task`, of a type with a :class:`SourceReader`. Its
            classes are the data set's: COCO categories by name, whatever their ids; in segmentation by mask value,
            the first one not scored as it is the background's; of classification in the order of their indices.
        dataset: Config of the data set without pipeline, ``type='mmdet.X'``, ``type='mmseg.X'`` or as above. mmseg's
            ``label_map`` and ``reduce_zero_label`` are followed, and pixels of value 255 do not count.
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
        skipped: list[str] = []
        entries = read_entries(self.source, lambda cfg: self._read(cfg, skipped))
        if self.on_error == 'skip':
            entries, bad = leave_out_bad(entries, with_labels=True)
            skipped += [text for _, text in bad]
        self.skipped = [SkippedRow(self.task.name, text) for text in skipped]
        if skipped:
            print_log(describe_skipped(self.skipped, 'bad images'), logger='current', level=logging.WARNING)
        if not entries:
            raise DataError(f'no image for task {self.task.name!r}', file=self.source.get('ann_file') or None)
        if not self.test_mode:
            self._metainfo[FINGERPRINTS] = pack_fingerprints([entry['img_path'] for entry in entries])
        return entries

    def __getitem__(self, idx: int) -> dict[str, Any]:
        with seeded_by(idx):
            data = self.prepare_data(int(idx))
        if data is None:  # BaseDataset would draw another sample here, unseen
            raise DataError('a transform of the pipeline returned None', file=self.get_data_info(idx)['img_path'])
        return data

    def _read(self, cfg: Mapping[str, Any], skipped: list[str]) -> list[dict[str, Any]]:
        """Read the entries of a data set that is no wrapper; what is wrong with an image is added to ``skipped``."""
        source = self._build(cfg)
        try:
            read = SOURCE_READERS[self.task.type].open(source, self.task)
        except MISFITS as error:
            raise ConfigError(
                f'{cfg["type"]} cannot be read for task {self.task.name!r}: {reason_of(error)}'
            ) from error
        except OSError as error:
            raise DataError(f'{cfg["type"]} of task {self.task.name!r} cannot be read: {error}') from error
        entries = []
        for index in range(len(source)):
            info = source.get_data_info(index)
            entry = dict(img_path=info['img_path'], img_id=info.get('img_id', index)) | self.task.item_fields()
            try:
                entries.append(entry | read(info))
            except DataError as error:
                if self.on_error == 'raise':
                    raise
                skipped.append(str(error))
        return entries

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
