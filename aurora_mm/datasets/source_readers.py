"""Readers of the annotations of mmdet's and mmseg's data sets, by task type."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset

from aurora_mm.datasets.coco_source import CocoSource
from aurora_mm.errors import ConfigError
from aurora_mm.structures import IGNORED
from aurora_mm.task_types import ByTaskType
from aurora_mm.tasks import Task

ReadItem = Callable[[Mapping[str, Any]], dict[str, Any]]


class SourceReader(ABC):
    """Base class: reads the annotations of one task type from a data set of another package, for TaskDataset."""

    @abstractmethod
    def open(self, source: BaseDataset, task: Task) -> ReadItem:
        """Load the data set, and check that it has the classes of the task.

        Args:
            source: The data set, not loaded yet.
            task: The task.

        Returns:
            A function from the data info of an image to the annotation, in the form that
            :meth:`aurora_mm.annotations.Annotation.load` expects.

        Raises:
            ConfigError: If the classes are not those of the task.
        """


class MaskReader(SourceReader):
    """Reads the paths of mask files.

    For mmseg's data sets, ``label_map`` and ``reduce_zero_label`` map values to classes, and pixels with the value 255
    are ignored. In other data sets, values are class indices.
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
        if 'label_map' in info:  # only in mmseg, whose masks may have pixels to ignore
            found['class_of_value'] = class_of_value(info['label_map'], info.get('reduce_zero_label', False))
        return found


def class_of_value(label_map: Mapping[int, int] | None, reduce_zero_label: bool) -> list[int]:
    """Return the class of each of the 256 values of a mask, as mmseg maps them.

    Args:
        label_map: New class of some classes, applied after ``reduce_zero_label``. None changes nothing.
        reduce_zero_label: Whether pixels with the value 0 are ignored, and a value v is the class v - 1.

    Returns:
        256 classes. The class 255 is for pixels to ignore.
    """
    classes = list(range(256))
    if reduce_zero_label:
        classes = [IGNORED, *range(254), IGNORED]
    renamed = label_map or {}
    return [int(renamed.get(value, value)) % 256 for value in classes]


class BoxReader(SourceReader):
    """Reads boxes and their labels. :class:`CocoSource` reads those of COCO files."""

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
    """Reads the class of each image, ``gt_label``, of a data set such as :class:`ClassFolderDataset`."""

    def open(self, source: BaseDataset, task: Task) -> ReadItem:
        source.full_init()
        return lambda info: dict(gt_label=_field(info, 'gt_label', task, 'ClassFolderDataset'))


class PointReader(SourceReader):
    """Reads the points of each image, of a data set such as :class:`CocoKeypointDataset`."""

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
    segmentation=MaskReader(),
    detection=BoxReader(),
    classification=LabelReader(),
    landmark=PointReader(),
    multi_object_detection=BoxReader(),
)


def _read_labels(source: BaseDataset, task: Task) -> list[int]:
    """Load a data set and return the label in the task of each of its labels.

    Raises:
        ConfigError: If its classes are not those of the task.
    """
    categories = _remember_categories(source)
    source.full_init()
    classes = list(task.classes)
    # mmdet numbers classes in the order of the file, not in the order of `metainfo['classes']`.
    names = [categories[identity]['name'] for identity in source.cat_ids] if categories else classes
    if sorted(names) != sorted(classes):
        raise ConfigError(
            f'task {task.name!r} has classes {", ".join(classes)}, but {source.ann_file} knows '
            f'{", ".join(names) or "none"} of them'
        )
    return [classes.index(name) for name in names]


def _remember_categories(source: BaseDataset) -> dict[int, dict[str, Any]]:
    """Return a dict that is filled with the categories when the file is read; mmdet does not keep their names."""
    categories: dict[int, dict[str, Any]] = {}
    api = getattr(source, 'COCOAPI', None)
    if api is not None:

        def read(file: str) -> Any:
            coco = api(file)
            categories.update(coco.cats)
            return coco

        source.COCOAPI = read
    return categories
