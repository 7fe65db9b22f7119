"""What is kept of a label, so that the labels of many images can be compared."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from aurora_mm.structures import IGNORED
from aurora_mm.task_types import ByTaskType

ANSWER_KEYS = ('bbox', 'bboxes', 'points', 'value')
"""Keys of rows with answers that no two images have by chance."""

_AROUND = 0.9  # part of the pixels at the border of the image


class LabelFacts(NamedTuple):
    """What is kept of the label of an image for one task.

    Args:
        outputs: Indices of the classes, or points, that the label has, increasing. The background of a mask is none.
        digest: Of the pixels of a mask, b'' if it has no class or there is no mask. Equal masks have equal digests.
        is_around: Whether the classes of a mask have almost the whole border of the image, and the background lies
            within them, as in a mask whose values were exchanged.
    """

    outputs: tuple[int, ...] = ()
    digest: bytes = b''
    is_around: bool = False


LABEL_FACTS: ByTaskType[Callable[[dict[str, Any]], LabelFacts]] = ByTaskType('facts of labels')
"""For each type, the facts of ``results`` of LoadTaskAnnotations, in original coordinates; a type may have none."""


def facts_of_label(task_type: str, results: dict[str, Any]) -> LabelFacts:
    """Return the facts of a label; those of a type that has none say nothing."""
    read = LABEL_FACTS.get(task_type)
    return read(results) if read is not None else LabelFacts()


@LABEL_FACTS.register('classification')
def _label(results: dict[str, Any]) -> LabelFacts:
    return LabelFacts((int(results['gt_label']),))


@LABEL_FACTS.register('multi_label_classification')
def _labels(results: dict[str, Any]) -> LabelFacts:
    return LabelFacts(tuple(results['gt_labels']))


@LABEL_FACTS.register('segmentation')
def _mask(results: dict[str, Any]) -> LabelFacts:
    mask = results['gt_seg_map']
    classes = np.unique(mask)
    classes = classes[(classes != 0) & (classes != IGNORED)]
    return LabelFacts(tuple(classes.tolist()), _digest(mask), _is_around(mask != 0))


@LABEL_FACTS.register('multi_label_segmentation')
def _class_masks(results: dict[str, Any]) -> LabelFacts:
    masks = results['gt_class_masks']
    inside = masks == 1
    return LabelFacts(
        tuple(np.flatnonzero(inside.any(axis=(1, 2))).tolist()),
        _digest(np.where(masks == IGNORED, 0, masks)),
        any(map(_is_around, inside)),
    )


@LABEL_FACTS.register('detection')
@LABEL_FACTS.register('multi_object_detection')
def _boxes(results: dict[str, Any]) -> LabelFacts:
    return LabelFacts(tuple(np.unique(results['gt_bboxes_labels']).tolist()))


@LABEL_FACTS.register('landmark')
def _points(results: dict[str, Any]) -> LabelFacts:
    labelled = ~np.isnan(results['gt_landmarks']).any(axis=1)
    return LabelFacts(tuple(np.flatnonzero(labelled).tolist()))


def _digest(mask: np.ndarray) -> bytes:
    if not mask.any():
        return b''
    return hashlib.blake2b(mask.tobytes(), digest_size=16, key=str(mask.shape).encode()).digest()


def _is_around(inside: np.ndarray) -> bool:
    border = np.concatenate([inside[0], inside[-1], inside[:, 0], inside[:, -1]])
    return bool(border.mean() >= _AROUND) and not inside.all()
