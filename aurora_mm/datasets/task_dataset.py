from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.registry import DefaultScope

from aurora_mm.errors import ConfigError, DataError
from aurora_mm.registry import DATASETS, TRANSFORMS
from aurora_mm.tasks import Task, TaskTable


@DATASETS.register_module()
class TaskDataset(BaseDataset):
    """A data set of mmdet or mmseg as the images of one task.

    Its annotations are read as it lists them and loaded by this package's pipeline, so that they go through the same
    transforms, checks and metrics as those of FMC-UIA. A detection image may hold any number of boxes, of any of the
    task's classes: boxes are clipped to the image, those marked as crowds left out. ``img_id`` is the source's own.

    Args:
        task: The task, as a dict for :class:`~aurora_mm.tasks.Task`: segmentation or detection. Its classes are the
            data set's: COCO categories by name; in segmentation by mask value, background first.
        dataset: Config of the data set without pipeline, ``type='mmdet.X'`` or ``type='mmseg.X'``.
        pipeline: Transforms of this package, or their configs.
        test_mode: As in BaseDataset.
        kwargs: Further arguments of BaseDataset: ``lazy_init``, ``serialize_data``, ``indices``.

    Raises:
        ConfigError: If the data set cannot be read as this task.
        DataError: If there is no image in it.

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
        **kwargs: Any,
    ) -> None:
        self.task = task if isinstance(task, Task) else Task(**task)
        if self.task.type not in _READERS:
            raise ConfigError(
                f'TaskDataset reads {" and ".join(_READERS)} tasks; {self.task.name!r} is {self.task.type}'
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
        source, labels = self._build()
        entries = []
        for index in range(len(source)):
            info = source.get_data_info(index)
            entry = dict(img_path=info['img_path'], img_id=info.get('img_id', index))
            entries.append(entry | self.task.item_fields() | _READERS[self.task.type](info, labels))
        if not entries:
            raise DataError(f'no image for task {self.task.name!r}', file=source.ann_file or None)
        return entries

    def __getitem__(self, idx: int) -> dict[str, Any]:
        data = self.prepare_data(idx)
        if data is None:  # BaseDataset would draw another sample here, unseen
            raise DataError('a transform of the pipeline returned None', file=self.get_data_info(idx)['img_path'])
        return data

    def _build(self) -> tuple[BaseDataset, list[int]]:
        """The source, and the task's label of each of its own."""
        classes = list(self.task.classes)
        cfg = self.source | dict(pipeline=[], test_mode=self.test_mode, lazy_init=True)
        cfg['metainfo'] = dict(cfg.get('metainfo') or {}) | dict(classes=tuple(classes))
        with DefaultScope.overwrite_default_scope(cfg['type'].partition('.')[0]):
            source = DATASETS.build(cfg)
        categories = _remember_categories(source)
        source.full_init()
        if not categories:
            return source, list(range(len(classes)))
        # mmdet numbers classes in the file's order, whatever the order in which they are named.
        names = [categories[identity]['name'] for identity in source.cat_ids]
        if sorted(names) != sorted(classes):
            raise ConfigError(
                f'task {self.task.name!r} has classes {", ".join(classes)}, but {source.ann_file} knows '
                f'{", ".join(names) or "none"} of them'
            )
        return source, [classes.index(name) for name in names]


def _remember_categories(source: BaseDataset) -> dict[int, dict[str, Any]]:
    """A dict that will hold the categories of a COCO file once it is read; mmdet forgets their names."""
    categories: dict[int, dict[str, Any]] = {}
    api = getattr(source, 'COCOAPI', None)
    if api is not None:

        def read(file: str) -> Any:
            coco = api(file)
            categories.update(coco.cats)
            return coco

        source.COCOAPI = read
    return categories


def _read_mask(info: Mapping[str, Any], labels: Sequence[int]) -> dict[str, Any]:
    if info.get('label_map') or info.get('reduce_zero_label'):
        raise ConfigError('TaskDataset takes mask values as they are: no label_map, no reduce_zero_label')
    if not info.get('seg_map_path'):
        raise ConfigError(f'{info["img_path"]} has no mask in this data set; is it one for detection?')
    return dict(seg_map_path=info['seg_map_path'])


def _read_boxes(info: Mapping[str, Any], labels: Sequence[int]) -> dict[str, Any]:
    if 'instances' not in info:
        raise ConfigError(f'{info["img_path"]} has no boxes in this data set; is it one for segmentation?')
    instances = [instance for instance in info['instances'] if not instance['ignore_flag']]
    limit = [info['width'], info['height']] * 2
    return dict(
        bboxes=[np.clip(instance['bbox'], 0, limit).tolist() for instance in instances],
        bboxes_labels=[labels[instance['bbox_label']] for instance in instances],
    )


_READERS = {'segmentation': _read_mask, 'detection': _read_boxes}
