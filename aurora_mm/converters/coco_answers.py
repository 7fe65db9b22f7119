"""Converts the annotations of images in a COCO file to annotations of FMC-UIA rows."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from aurora_mm.converters.coco_kinds import COCO_KINDS
from aurora_mm.datasets.coco_file import CocoFile, CocoImage, CocoObject, Identity
from aurora_mm.datasets.coco_objects import region_of
from aurora_mm.images.image_files import read_shape
from aurora_mm.images.image_header import BadImage
from aurora_mm.structures import points_array
from aurora_mm.tasks import Task


class CocoAnswers:
    """Converts the annotations of each image of a COCO file.

    Args:
        coco: Contents of the file.
        task: Task of the file.
        objects: What to do with images that do not have exactly one object, see
            :func:`aurora_mm.converters.coco_to_fmc`.
    """

    def __init__(self, coco: CocoFile, task: Task, objects: str) -> None:
        self._coco = coco
        self._task = task
        self._objects = objects
        self._told: dict[Identity, Counter[str]] = {}  # by image, since an image may be read twice

    def counts(self) -> str:
        """Return a text about what was left out or changed so far, '' if nothing was."""
        told = sum(self._told.values(), Counter())
        return ', '.join(f'{count} {what}' for what, count in told.items())

    def log_counts(self) -> None:
        """Log :meth:`counts`."""
        if self.counts():
            print_log(f'{self._coco.file}: {self.counts()}', logger='current', level=logging.WARNING)

    def check_size(self, image: CocoImage, file: Path) -> None:
        """Check that an image file has the size in the COCO file.

        Args:
            image: The image in the COCO file.
            file: Path of the image file.

        Raises:
            DataError: If the size differs, the EXIF orientation is not 1, or the file cannot be read.
        """
        try:
            shape, orientation = read_shape(file)
        except BadImage as bad:
            raise self._coco.error(image.entry, f'image {file} {bad}') from bad
        if orientation != 1:
            raise self._coco.error(
                image.entry,
                f'image {file} is stored in orientation {orientation} by its EXIF data: its annotations may be of the '
                'picture before or after it is turned. Save it without EXIF data, as it was when it was labelled',
            )
        if shape != (image.height, image.width):
            raise self._coco.error(
                image.entry,
                f'image {file} has (height, width) {shape}, but is listed with {(image.height, image.width)}',
            )

    def answer(self, image: CocoImage) -> dict[str, Any] | None:
        """Convert the annotations of an image.

        Args:
            image: The image in the COCO file.

        Returns:
            The annotation for :meth:`FmcWriter.add`; None if the image is left out.

        Raises:
            DataError: If a CSV row cannot represent the annotations.
        """
        if COCO_KINDS[self._task.type].one_mask:
            return dict(mask=self._paint(image))
        told = self._told[image.id] = Counter()
        found = []
        for item in self._coco.objects_of(image):
            if item.crowd or item.ignored:
                told[f'{"crowds" if item.crowd else "ignored objects"} left out'] += 1
            else:
                found.append(item)
        answers = [answer for item in found if (answer := self._one(item, told)) is not None]
        kind = COCO_KINDS[self._task.type]
        if kind.joins:
            return kind.join(answers, image, self._task)
        if len(answers) == 1:
            return answers[0]
        if self._objects in ('all', 'one'):
            raise self._coco.error(
                image.entry,
                f'image {image.file_name!r} has {len(answers)} annotations; a {self._task.type} task has one an '
                "image. objects='largest' or 'single' (--objects) converts it all the same; a task of type "
                'multi_object_detection has any number of boxes',
            )
        if not answers or self._objects == 'single':
            told[f'images with {"several annotations" if answers else "no annotation"} left out'] += 1
            return None
        told['images of which the largest of several annotations was taken'] += 1
        return max(answers, key=_extent)

    def _one(self, item: CocoObject, told: Counter[str]) -> dict[str, Any] | None:
        answer, was_cut = COCO_KINDS[self._task.type].answer(self._coco, item, self._task)
        told['boxes cut at the edge of their image'] += was_cut
        missing = answer.get('points', ()).count(None)
        if missing and missing == self._task.num_outputs:
            told['objects without a labelled keypoint left out'] += 1
            return None
        told['keypoints of visibility 0, which are not labelled'] += missing
        return answer

    def _paint(self, image: CocoImage) -> np.ndarray:
        mask = np.zeros((image.height, image.width), np.uint8)
        for item in self._coco.objects_of(image):
            if item.ignored:
                raise self._coco.error(item.entry, "ignore is 1, but the masks here have no value for 'ignored'")
            region = region_of(self._coco, item)
            label = self._task.classes.index(item.category)
            if ((mask[region] != 0) & (mask[region] != label)).any():
                raise self._coco.error(
                    item.entry, f'classes overlap in image {image.file_name!r}; a mask holds one a pixel'
                )
            mask[region] = label
        return mask


def _extent(answer: dict[str, Any]) -> float:
    """Return the area of a box, or of the box around points, in pixels."""
    corners = np.reshape(answer['bbox'], (-1, 2)) if 'bbox' in answer else points_array(answer['points'])
    return float((np.nanmax(corners, axis=0) - np.nanmin(corners, axis=0)).prod())
