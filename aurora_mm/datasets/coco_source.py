"""COCO files of mmdet's data sets, read strictly before mmdet reads them."""

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
    """The COCO file of a data set of mmdet.

    mmdet joins annotations by whatever stands in the file, and drops boxes of area 0 or thinner than a pixel, in
    testing too. So the file is read by :class:`CocoFile` here, mmdet is given what was found right, and boxes are taken
    from here: cut at the image's edges, those marked ``iscrowd`` or ``ignore`` left out.

    Args:
        source: The data set, not read yet; it will read its file through this object.

    Attributes:
        file: The file, once the data set has read it.
    """

    def __init__(self, source: BaseDataset) -> None:
        self._source = source
        self._api = source.COCOAPI
        self._labels: dict[str, int] = {}
        self._image_of: dict[Identity, CocoImage] = {}
        self.file: CocoFile | None = None
        source.COCOAPI = self._read

    @staticmethod
    def fits(source: BaseDataset) -> bool:
        """Whether a data set reads a file of COCO's objects, and reads it as mmdet's CocoDataset does."""
        api = getattr(source, 'COCOAPI', None)
        parse = getattr(type(source).parse_data_info, '__qualname__', '')
        return getattr(api, '__name__', '') == 'COCO' and parse == 'CocoDataset.parse_data_info'

    def number_classes(self, classes: Sequence[str], task: str) -> None:
        """Find the classes of a task among the categories, by name, and say in the log what the others leave out.

        Args:
            classes: In label order.
            task: Name of the task, for messages.

        Raises:
            ConfigError: If the file lacks a class.
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
        """The boxes of an image, once the classes are numbered.

        Args:
            info: mmdet's item of the image, for its ``img_id``.

        Returns:
            ``bboxes`` (N x [x1, y1, x2, y2]), ``bboxes_labels`` (N) and ``listed_shape``, (H, W).

        Raises:
            DataError: If a box is none.
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
        """What mmdet takes for its reader of a file."""
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
            bbox=[0, 0, 1, 1],  # boxes are read here
            area=1,
            iscrowd=int(item.crowd),
            ignore=int(item.ignored),
        )
