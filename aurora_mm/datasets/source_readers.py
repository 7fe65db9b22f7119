"""How annotations are read from a data set of mmdet or mmseg, by task type."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset

from aurora_mm.datasets.coco_source import CocoSource
from aurora_mm.errors import ConfigError
from aurora_mm.task_types import ByTaskType
from aurora_mm.tasks import Task

ReadItem = Callable[[Mapping[str, Any]], dict[str, Any]]


class SourceReader(ABC):
    """Reads the annotations of one type of task from a data set of another package, for :class:`TaskDataset`."""

    @abstractmethod
    def open(self, source: BaseDataset, task: Task) -> ReadItem:
        """Have the data set read its files, and check its classes against the task's.

        Args:
            source: Built, but not read yet.
            task: The task.

        Returns:
            A function from an item of the data set to what :meth:`aurora_mm.annotations.Annotation.load` takes.

        Raises:
            ConfigError: If the classes are not those of the task.
        """


class MaskReader(SourceReader):
    """Takes the mask files of a data set.

    Of a data set of mmseg, values are renamed by its ``label_map`` and ``reduce_zero_label``, and pixels of value 255
    do not count. Of any other, values are classes as they are.
    """

    def open(self, source: BaseDataset, task: Task) -> ReadItem:
        if CocoSource.fits(source):
            CocoSource(source)
            source.full_init()
        else:
            _read_labels(source, task)
        return self._read

    @staticmethod
    def _read(info: Mapping[str, Any]) -> dict[str, Any]:
        if not info.get('seg_map_path'):
            raise ConfigError(f'{info["img_path"]} has no mask in this data set; is it one for detection?')
        found = dict(seg_map_path=info['seg_map_path'])
        if 'label_map' in info:  # of mmseg, whose masks may have pixels to ignore
            found['class_of_value'] = class_of_value(info['label_map'], info.get('reduce_zero_label', False))
        return found


def class_of_value(label_map: Mapping[int, int] | None, reduce_zero_label: bool) -> list[int]:
    """The class of each of the 256 values of a mask as mmseg reads it; 255 is a pixel that does not count.

    Args:
        label_map: Class of single values, after ``reduce_zero_label``; None for the values as they are.
        reduce_zero_label: Whether value 0 does not count, and value v is class v - 1.
    """
    classes = list(range(256))
    if reduce_zero_label:
        classes = [255, *range(254), 255]
    renamed = label_map or {}
    return [int(renamed.get(value, value)) % 256 for value in classes]


class BoxReader(SourceReader):
    """Takes the boxes of a data set, those of a COCO file by :class:`CocoSource`."""

    def open(self, source: BaseDataset, task: Task) -> ReadItem:
        if CocoSource.fits(source):
            coco = CocoSource(source)
            source.full_init()
            coco.number_classes(task.classes, task.name)
            return coco.boxes_of
        labels = _read_labels(source, task)
        return lambda info: self._read(info, labels)

    @staticmethod
    def _read(info: Mapping[str, Any], labels: Sequence[int]) -> dict[str, Any]:
        if 'instances' not in info:
            raise ConfigError(f'{info["img_path"]} has no boxes in this data set; is it one for segmentation?')
        instances = [instance for instance in info['instances'] if not instance['ignore_flag']]
        limit = [info['width'], info['height']] * 2
        return dict(
            bboxes=[np.clip(instance['bbox'], 0, limit).tolist() for instance in instances],
            bboxes_labels=[labels[instance['bbox_label']] for instance in instances],
            listed_shape=(info['height'], info['width']),
        )


class LabelReader(SourceReader):
    """Takes the class of each image, ``gt_label``, as :class:`ClassFolderDataset` has it."""

    def open(self, source: BaseDataset, task: Task) -> ReadItem:
        source.full_init()
        return lambda info: dict(gt_label=_field(info, 'gt_label', task, 'ClassFolderDataset'))


class PointReader(SourceReader):
    """Takes the points of each image, as :class:`CocoKeypointDataset` has them."""

    def open(self, source: BaseDataset, task: Task) -> ReadItem:
        source.full_init()
        return lambda info: dict(
            points=_field(info, 'points', task, 'CocoKeypointDataset'), listed_shape=info['listed_shape']
        )


def _field(info: Mapping[str, Any], key: str, task: Task, known: str) -> Any:
    if key not in info:
        raise ConfigError(
            f'{info["img_path"]}: the data set of {task.type} task {task.name!r} gives no {key!r}; use '
            f"dict(type='aurora_mm.{known}')"
        )
    return info[key]


SOURCE_READERS: ByTaskType[SourceReader] = ByTaskType('reader in TaskDataset')
SOURCE_READERS.update(
    segmentation=MaskReader(), detection=BoxReader(), classification=LabelReader(), landmark=PointReader()
)


def _read_labels(source: BaseDataset, task: Task) -> list[int]:
    """Have a data set read its files; return the task's label of each of its own labels.

    Raises:
        ConfigError: If its classes are not those of the task.
    """
    categories = _remember_categories(source)
    source.full_init()
    classes = list(task.classes)
    # mmdet numbers classes in the file's order, whatever the order in which they are named.
    names = [categories[identity]['name'] for identity in source.cat_ids] if categories else classes
    if sorted(names) != sorted(classes):
        raise ConfigError(
            f'task {task.name!r} has classes {", ".join(classes)}, but {source.ann_file} knows '
            f'{", ".join(names) or "none"} of them'
        )
    return [classes.index(name) for name in names]


def _remember_categories(source: BaseDataset) -> dict[int, dict[str, Any]]:
    """Return a dict that will hold the categories of a file once it is read; mmdet forgets their names."""
    categories: dict[int, dict[str, Any]] = {}
    api = getattr(source, 'COCOAPI', None)
    if api is not None:

        def read(file: str) -> Any:
            coco = api(file)
            categories.update(coco.cats)
            return coco

        source.COCOAPI = read
    return categories
