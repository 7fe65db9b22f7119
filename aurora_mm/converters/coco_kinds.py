"""The representation of annotations in COCO files, by task type."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pycocotools import mask as run_lengths

from aurora_mm.datasets.coco_file import CocoFile, CocoImage, CocoObject
from aurora_mm.datasets.coco_objects import box_of, points_of, region_of
from aurora_mm.errors import DataError
from aurora_mm.task_types import ByTaskType
from aurora_mm.tasks import Task


class CocoKind(ABC):
    """Base class: the COCO categories and annotations of one task type.

    Attributes:
        one_mask: Whether all objects of an image are drawn into one mask.
        joins: Whether a CSV row holds any number of objects. Otherwise it holds one.
    """

    one_mask = False
    joins = False

    @abstractmethod
    def task_of(self, coco: CocoFile, name: str) -> Task:
        """Create a task from the categories of a file that does not contain a task.

        Args:
            coco: Contents of the file.
            name: Name of the task.
        """

    @abstractmethod
    def check(self, coco: CocoFile, task: Task, first: CocoFile) -> None:
        """Check the names in a file against its task; see :func:`aurora_mm.converters.coco_task.check_categories`."""

    @abstractmethod
    def categories(self, task: Task) -> list[dict[str, Any]]:
        """Return the ``categories`` of a COCO file for a task."""

    @abstractmethod
    def annotations(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the ``annotations`` of a COCO file for a row with loaded annotations, in original coordinates."""

    def answer(self, coco: CocoFile, item: CocoObject, task: Task) -> tuple[dict[str, Any], bool]:
        """Convert one object to an annotation for :meth:`aurora_mm.annotations.Annotation.format`.

        Args:
            coco: Contents of the file.
            item: The object.
            task: The task.

        Returns:
            The annotation, and whether its box was clipped to the image.
        """
        raise NotImplementedError(f'{type(self).__name__} paints masks')

    def join(self, answers: Sequence[dict[str, Any]], image: CocoImage, task: Task) -> dict[str, Any]:
        """Join the annotations of the objects of an image to one, if :attr:`joins`.

        Args:
            answers: What :meth:`answer` returned for each object.
            image: The image.
            task: The task.
        """
        raise NotImplementedError(f'{type(self).__name__} takes one object an image')


class CocoMasks(CocoKind):
    """Segmentation: one RLE mask per foreground class. The background is not a category."""

    one_mask = True

    def task_of(self, coco: CocoFile, name: str) -> Task:
        return Task(name, 'segmentation', classes=('background', *coco.categories))

    def check(self, coco: CocoFile, task: Task, first: CocoFile) -> None:
        _check_names('categories', tuple(coco.categories), (), coco, task, first)

    def categories(self, task: Task) -> list[dict[str, Any]]:
        return [dict(id=i + 1, name=name) for i, name in enumerate(task.target_names)]

    def annotations(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        labels = np.unique(row['gt_seg_map'][row['gt_seg_map'] > 0]).tolist()
        return [_mask_annotation(label, row['gt_seg_map'] == label) for label in labels]


class CocoClassMasks(CocoMasks):
    """Segmentation with classes that may overlap: one RLE mask for each class. COCO does not tell labelled classes
    without a pixel from classes that are not labelled: all count as labelled."""

    one_mask = False
    joins = True

    def task_of(self, coco: CocoFile, name: str) -> Task:
        return Task(name, 'multi_label_segmentation', classes=tuple(coco.categories))

    def annotations(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        masks = row['gt_class_masks'] == 1
        return [_mask_annotation(number, mask) for number, mask in enumerate(masks, 1) if mask.any()]

    def answer(self, coco: CocoFile, item: CocoObject, task: Task) -> tuple[dict[str, Any], bool]:
        return dict(label=task.classes.index(item.category), region=region_of(coco, item)), False

    def join(self, answers: Sequence[dict[str, Any]], image: CocoImage, task: Task) -> dict[str, Any]:
        masks = np.zeros((task.num_outputs, image.height, image.width), np.uint8)
        for answer in answers:
            masks[answer['label']] |= answer['region']
        return dict(class_masks=masks)


class CocoBoxes(CocoKind):
    """Detection: boxes as xywh in pixels."""

    def task_of(self, coco: CocoFile, name: str) -> Task:
        return Task(name, 'detection', classes=tuple(coco.categories))

    def check(self, coco: CocoFile, task: Task, first: CocoFile) -> None:
        _check_names('categories', tuple(coco.categories), (), coco, task, first)

    def categories(self, task: Task) -> list[dict[str, Any]]:
        return [dict(id=i + 1, name=name) for i, name in enumerate(task.target_names)]

    def annotations(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        x1, y1, x2, y2 = row['bbox']
        return [dict(category_id=1, bbox=[x1, y1, x2 - x1, y2 - y1], area=(x2 - x1) * (y2 - y1))]

    def answer(self, coco: CocoFile, item: CocoObject, task: Task) -> tuple[dict[str, Any], bool]:
        if len(task.classes) != 1:
            raise DataError(
                f'{len(task.classes)} categories ({", ".join(task.classes)}); a detection task has boxes '
                'of one class. Tasks of type multi_object_detection have boxes with classes',
                file=coco.file,
            )
        box, was_cut = box_of(coco, item)
        return dict(bbox=box), was_cut


class CocoMultiBoxes(CocoBoxes):
    """Any number of boxes in an image, each with a class; xywh in pixels."""

    joins = True

    def task_of(self, coco: CocoFile, name: str) -> Task:
        return Task(name, 'multi_object_detection', classes=tuple(coco.categories))

    def annotations(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        pairs = zip(row['bboxes'], row['bboxes_labels'], strict=True)
        return [
            dict(category_id=label + 1, bbox=[x1, y1, x2 - x1, y2 - y1], area=(x2 - x1) * (y2 - y1))
            for (x1, y1, x2, y2), label in pairs
        ]

    def answer(self, coco: CocoFile, item: CocoObject, task: Task) -> tuple[dict[str, Any], bool]:
        box, was_cut = box_of(coco, item)
        return dict(bbox=box, label=task.classes.index(item.category)), was_cut

    def join(self, answers: Sequence[dict[str, Any]], image: CocoImage, task: Task) -> dict[str, Any]:
        return dict(
            bboxes=[answer['bbox'] for answer in answers], bboxes_labels=[answer['label'] for answer in answers]
        )


class CocoKeypoints(CocoKind):
    """Landmarks: the keypoints of the only category."""

    def task_of(self, coco: CocoFile, name: str) -> Task:
        return Task(name, 'landmark', points=self._keypoints(coco))

    def check(self, coco: CocoFile, task: Task, first: CocoFile) -> None:
        _check_names('keypoints', self._keypoints(coco), task.points, coco, task, first)

    def categories(self, task: Task) -> list[dict[str, Any]]:
        return [dict(id=1, name=task.name, keypoints=list(task.points), skeleton=[])]

    def annotations(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        # Visibility 2: labelled and visible; 0, with x = y = 0: not labelled.
        keypoints = [value for point in row['points'] for value in ((0, 0, 0) if point is None else (*point, 2))]
        points = np.array([point for point in row['points'] if point is not None])
        low, extent = points.min(0), np.ptp(points, axis=0)
        box, area = [*low.tolist(), *extent.tolist()], float(extent.prod())
        return [dict(category_id=1, keypoints=keypoints, num_keypoints=len(points), bbox=box, area=area)]

    def answer(self, coco: CocoFile, item: CocoObject, task: Task) -> tuple[dict[str, Any], bool]:
        return dict(points=points_of(coco, item, task.points)), False

    @staticmethod
    def _keypoints(coco: CocoFile) -> tuple[str, ...]:
        if len(coco.categories) != 1:
            raise DataError(
                f'{len(coco.categories)} categories ({", ".join(coco.categories) or "none"}); a landmark task has one',
                file=coco.file,
            )
        category = next(iter(coco.categories.values()))
        if not category.keypoints:
            raise DataError(f'category {category.name!r} names no keypoints', file=coco.file)
        return category.keypoints


COCO_KINDS: ByTaskType[CocoKind] = ByTaskType('place in a COCO file')
COCO_KINDS.update(
    segmentation=CocoMasks(),
    detection=CocoBoxes(),
    landmark=CocoKeypoints(),
    multi_object_detection=CocoMultiBoxes(),
    multi_label_segmentation=CocoClassMasks(),
)


def _mask_annotation(category_id: int, mask: np.ndarray) -> dict[str, Any]:
    """Return the annotation of the mask of a class, (H, W) bool."""
    code = run_lengths.encode(np.asfortranarray(mask).astype(np.uint8))
    box, area = run_lengths.toBbox(code).tolist(), int(run_lengths.area(code))
    code['counts'] = code['counts'].decode('ascii')
    return dict(category_id=category_id, bbox=box, area=area, segmentation=code)


def _check_names(
    kind: str, names: tuple[str, ...], needed: tuple[str, ...], coco: CocoFile, task: Task, first: CocoFile
) -> None:
    """Check that all ``names`` are targets of the task, and that all ``needed`` names are in ``names``."""
    wrong = [name for name in names if name not in task.target_names]
    wrong = wrong or [name for name in needed if name not in names]
    if wrong:
        raise DataError(
            f'{kind} are {", ".join(names)}, but those of task {task.name!r} are {", ".join(task.target_names)} '
            f'by {first.file}: {", ".join(wrong)} stands in one of the two alone',
            file=coco.file,
        )
