"""A strict reader for the COCO files of mmdet's data sets."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.dataset import BaseDataset
from mmengine.logging import print_log

from aurora_mm.datasets.coco_file import CocoFile, CocoImage, CocoObject, Identity
from aurora_mm.datasets.coco_objects import box_of
from aurora_mm.errors import ConfigError


class CocoSource:
    """Replaces the file reader of a data set of mmdet by :class:`CocoFile`, and gives its boxes.

    mmdet does not check ids, and drops boxes with zero area or a side below one pixel, also in testing. Therefore
    :class:`CocoFile` reads the file, mmdet gets the checked contents, and :meth:`boxes_of` gives the boxes: clipped to
    the image, without those marked ``iscrowd`` or ``ignore``.

    Args:
        source: The data set, not loaded yet. Its ``COCOAPI`` is replaced.

    Attributes:
        file: Contents of the file; there once the data set is loaded.
    """

    file: CocoFile

    def __init__(self, source: BaseDataset) -> None:
        self._source = source
        self._api = source.COCOAPI
        self._labels: dict[str, int] = {}
        self._image_of: dict[Identity, CocoImage] = {}
        source.COCOAPI = self._read

    @staticmethod
    def fits(source: BaseDataset) -> bool:
        """Return whether a data set reads a COCO file in the same way as mmdet's CocoDataset."""
        api = getattr(source, 'COCOAPI', None)
        parse = getattr(type(source).parse_data_info, '__qualname__', '')
        return getattr(api, '__name__', '') == 'COCO' and parse == 'CocoDataset.parse_data_info'

    def number_classes(self, classes: Sequence[str], task: str) -> None:
        """Match the classes of a task with the categories of the file by name, and log how many objects are skipped.

        Args:
            classes: Class names, in the order of their labels.
            task: Name of the task, for messages.

        Raises:
            ConfigError: If the file has no category for a class.
        """
        names = [name for name in classes if name in self.file.categories]
        if len(names) != len(classes):
            raise ConfigError(
                f'task {task!r} has classes {", ".join(classes)}, but {self.file.file} knows '
                f'{", ".join(names) or "none"} of them'
            )
        self._labels = {name: label for label, name in enumerate(classes)}
        reasons = Counter(self._reason_to_leave_out(item) for item in self.file.objects)
        text = ', '.join(f'{count} {reason} left out' for reason, count in reasons.items() if reason)
        if text:
            print_log(f'{self.file.file}: {text}', logger='current', level=logging.WARNING)

    def boxes_of(self, info: Mapping[str, Any]) -> dict[str, Any]:
        """Return the boxes of an image. :meth:`number_classes` must be called first.

        Args:
            info: mmdet's data info of the image, of which ``img_id`` is used.

        Returns:
            ``bboxes``, N boxes, xyxy in pixels; ``bboxes_labels``, N classes from 0; and ``listed_shape``, the
            (height, width) of the image according to the file.

        Raises:
            DataError: If a box is not valid, see :func:`~aurora_mm.datasets.coco_objects.box_of`.
        """
        image = self._image_of[info['img_id']]
        items = [item for item in self.file.objects_of(image) if self._reason_to_leave_out(item) is None]
        return dict(
            bboxes=[box_of(self.file, item)[0] for item in items],
            bboxes_labels=[self._labels[item.category] for item in items],
            listed_shape=(image.height, image.width),
        )

    def _reason_to_leave_out(self, item: CocoObject) -> str | None:
        if item.category not in self._labels:
            return f'objects of {item.category!r}, which is no class of the task,'
        return 'crowds' if item.crowd else 'ignored objects' if item.ignored else None

    def _read(self, path: str) -> Any:
        """Read the file and return what mmdet expects from ``COCOAPI``."""
        self.file = CocoFile(path)
        self._image_of = {image.id: image for image in self.file.images}
        coco = self._api(None)
        coco.dataset = dict(
            images=[image.fields | dict(id=image.id) for image in self.file.images],
            categories=[dict(id=kind.id, name=kind.name) for kind in self.file.categories.values()],
            annotations=[self._for_mmdet(number, item) for number, item in enumerate(self.file.objects)],
        )
        coco.createIndex()
        coco.img_ann_map, coco.cat_img_map = coco.imgToAnns, coco.catToImgs
        return coco

    def _for_mmdet(self, number: int, item: CocoObject) -> dict[str, Any]:
        return dict(
            id=number + 1,
            image_id=item.image.id,
            category_id=self.file.categories[item.category].id,
            bbox=[0, 0, 1, 1],  # mmdet must not drop any; see `boxes_of`
            area=1,
            iscrowd=int(item.crowd),
            ignore=int(item.ignored),
        )
