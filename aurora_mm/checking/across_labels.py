"""What only the labels of many images together show."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from aurora_mm.checking.label_facts import ANSWER_KEYS
from aurora_mm.checking.labelled_image import LabelledImage
from aurora_mm.checking.problem import Problem
from aurora_mm.structures import points_array
from aurora_mm.tasks import Task

_FEW = 10  # rows from which on what is common to them means something, and images of a class
_MOST = 0.95  # part of the masks that are named after their images
_FEW_OF_MANY = 0.02  # part of the images of a task that differ from the others
_ANY_ANGLE = 45  # degrees by which a task may be rotated, from which on its structures lie at any angle
_CLEARLY = 0.1  # of the spread of the points of an image


def balance(task: Task, found: Sequence[LabelledImage], split: str) -> Iterator[Problem]:
    """Classes and points that no image or few images of a split have."""
    if not found or task.task_type.outputs == 'values':
        return
    counts = Counter(index for one in found for index in one.label.outputs)
    kind = 'class' if task.task_type.outputs == 'classes' else 'point'
    for index in range(task.task_type.has_background, task.num_outputs):
        what = f'of {kind} {task.output_names[index]!r} of task {task.name!r} in {split}'
        if counts[index] == 0:
            yield Problem(f'{kind} without images', f'no image {what}', task=task.name)
        elif counts[index] < _FEW and len(task.target_names) > 1:
            yield Problem(f'{kind} with few images', f'{counts[index]} images {what}', task=task.name)


def inverted_masks(task: Task, found: Sequence[LabelledImage]) -> Iterator[Problem]:
    """Masks whose classes lie around the background; one problem for a task most of whose masks are so."""
    around = [one for one in found if one.label.is_around]
    meaning = 'have the border of the image, and the background lies within: are the values exchanged?'
    if len(around) > max(1, len(found) / 2):
        text = f'in {len(around)} of {len(found)} masks of task {task.name!r} the classes {meaning}'
        paths = tuple(one.image.path for one in around)
        yield Problem('masks that may be inverted', text, task=task.name, images=paths)
        return
    for one in around:
        text = f'{one.place}: the classes of the mask {meaning}'
        yield Problem('masks that may be inverted', text, task=task.name, images=(one.image.path,))


def equal_masks(task: Task, found: Sequence[LabelledImage]) -> Iterator[Problem]:
    """One mask that several different images of a task have, as where a row or a file was copied."""
    same: dict[bytes, list[LabelledImage]] = defaultdict(list)
    for one in found:
        if one.label.digest:
            same[one.label.digest].append(one)
    for images in same.values():
        if len({one.image.digest for one in images}) > 1:
            places = ' and '.join(one.place for one in images[:3]) + (' ...' if len(images) > 3 else '')
            text = f'{places}: {len(images)} different images of task {task.name!r} have one mask'
            paths = tuple(one.image.path for one in images)
            yield Problem('one mask of several images', text, task=task.name, images=paths)


def equal_answers(task: Task, found: Sequence[LabelledImage]) -> Iterator[Problem]:
    """Tasks all of whose images have one answer, as where a column was filled with a constant."""
    answers = [(key, one.row[key]) for one in found for key in ANSWER_KEYS if key in one.row]
    if len(answers) >= _FEW and all(answer == answers[0] for answer in answers):
        key, value = answers[0]
        text = f'all {len(answers)} images of task {task.name!r} have the {key} {value}'
        yield Problem('one answer for all images', text, task=task.name, images=(found[0].image.path,))


def order_of_points(task: Task, found: Sequence[LabelledImage]) -> Iterator[Problem]:
    """Points that lie in another order than in almost all other images of their task, from left to right or down.

    Such an order is found from the images themselves. A task whose structures lie at any angle has none. The order that
    a task declares is checked in each image by itself.
    """
    found = [one for one in found if 'points' in one.row]
    if len(found) < _FEW or (task.rotation or 0) > _ANY_ANGLE:
        return
    points = np.stack([points_array(one.row['points']) for one in found])  # (N, K, 2)
    with np.errstate(invalid='ignore'):
        spread = np.nanmax(points, axis=(1, 2)) - np.nanmin(points, axis=(1, 2))
    wrong: dict[int, list[str]] = defaultdict(list)
    for first, second in combinations(range(task.num_outputs), 2):
        for axis, name in enumerate('xy'):
            step = points[:, second, axis] - points[:, first, axis]
            known = np.isfinite(step)
            against = np.flatnonzero(known & (np.sign(step) == -np.sign(np.nansum(np.sign(step)))))
            if known.sum() < _FEW or len(against) > max(1, _FEW_OF_MANY * known.sum()):
                continue
            for index in against[abs(step[against]) > _CLEARLY * spread[against]]:
                wrong[index].append(f'{task.points[first]} and {task.points[second]} in {name}')
    for index, pairs in sorted(wrong.items()):
        text = (
            f'{found[index].place}: points {found[index].row["points"]} of {task.name!r} lie in another order than '
            f'in the other images: {", ".join(pairs)}'
        )
        yield Problem('points in an unusual order', text, task=task.name, images=(found[index].image.path,))


def names_of_masks(task: Task, found: Sequence[LabelledImage]) -> Iterator[Problem]:
    """Masks that are named after another image of their task, where almost all are named after their own.

    Names are compared by the numbers in them.
    """
    if task.type != 'segmentation' or len(found) < _FEW:
        return
    images = [_numbers(one.image.path) for one in found]
    masks = [_numbers(one.row['seg_map_path']) for one in found]
    agree = np.array([image == mask for image, mask in zip(images, masks, strict=True)])
    if agree.all() or agree.mean() < _MOST - 1 / len(found):
        return
    known = set(images)
    for index in np.flatnonzero(~agree):
        if masks[index] in known:
            one = found[index]
            mask = one.row['seg_map_path']
            text = f'{one.place}: the mask {mask} is named after another image than {one.image.path}'
            yield Problem('mask named after another image', text, task=task.name, images=(one.image.path,))


def _numbers(path: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r'\d+', Path(path).stem)))
