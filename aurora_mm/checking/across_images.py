"""What only many images together show: duplicates, leaks between splits, outliers, rare classes."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import minimum_spanning_tree

from aurora_mm.checking.image_facts import ImageFacts
from aurora_mm.checking.problem import Problem
from aurora_mm.tasks import TaskTable

_MOST_BITS = 3  # in which hashes of near duplicates differ; of 4 parts of 16 bits, one is equal then
_LIKE = 0.99  # correlation of thumbnails
_FAR = 8.0  # robust standard deviations
_CHUNK = 256  # hashes that are compared with all others of a part at once
_PAIRS = 4096  # thumbnails that are compared at once
_BITS = np.array([number.bit_count() for number in range(256)], np.uint8)  # in each byte
_FEW = 10  # rows of a class


def duplicates(facts: Sequence[ImageFacts], split_of: dict[str, str]) -> Iterator[Problem]:
    """Image files of equal pixels: in several splits, with different labels for one task, or merely twice."""
    groups: dict[bytes, list[ImageFacts]] = defaultdict(list)
    for fact in facts:
        if fact.digest:
            groups[fact.digest].append(fact)
    for same in groups.values():
        if len(same) < 2:
            continue
        paths = tuple(fact.path for fact in same)
        text = f'{" and ".join(paths[:3])}{" ..." if len(paths) > 3 else ""} have the same pixels'
        splits = sorted({split_of[path] for path in paths})
        if len(splits) > 1:
            yield Problem('same image in several splits', f'{text}, in {", ".join(splits)}', images=paths)
        else:
            yield Problem('same image twice', text, images=paths)
        labels: dict[str, set[tuple[int, ...]]] = defaultdict(set)
        for fact in same:
            for row in fact.rows:
                if (classes := _classes(row)) is not None:
                    labels[row['task']].add(classes)
        for task, found in labels.items():
            if len(found) > 1:
                names = [one[0] if len(one) == 1 else list(one) for one in sorted(found)]
                message = f'{text}, but the classes {names} for task {task!r}'
                yield Problem('same image with different labels', message, task=task, images=paths)


def near_duplicates(facts: Sequence[ImageFacts], split_of: dict[str, str]) -> Iterator[Problem]:
    """Image files that look alike, as neighbouring frames or new encodings do, by a perceptual hash and a thumbnail.

    Of the pairs of a clip, in which all images may be alike, only as many are told as connect its images. An image that
    is alike to one of another split is in such a pair.
    """
    usable = [fact for fact in facts if fact.thumbnail is not None and fact.thumbnail.any()]
    if not usable:
        return
    splits = np.array([split_of[fact.path] for fact in usable])
    first, second = _alike_pairs(usable)
    # Pairs of several splits weigh less, so that the spanning forest takes as many of them as it can.
    weights = np.where(splits[first] == splits[second], 2, 1)
    forest = minimum_spanning_tree(csr_array((weights, (first, second)), shape=(len(usable), len(usable)))).tocoo()
    for one, other in sorted(zip(forest.row.tolist(), forest.col.tolist(), strict=True)):
        paths = (usable[one].path, usable[other].path)
        found = sorted({split_of[path] for path in paths})
        kind = 'alike images in several splits' if len(found) > 1 else 'alike images'
        yield Problem(kind, f'{paths[0]} and {paths[1]} look alike, in {" and ".join(found)}', images=paths)


def groups_of_splits(images_of: Mapping[str, Mapping[str, Sequence[str]]]) -> Iterator[Problem]:
    """Groups, such as patients, that are in several splits, and those whose names are so alike that they may be one.

    Args:
        images_of: Paths of the images of each group, by split and by name of the group.
    """
    splits_of: dict[str, list[str]] = defaultdict(list)
    for split, groups in images_of.items():
        for group in groups:
            splits_of[group].append(split)
    for group, splits in splits_of.items():
        if len(splits) > 1:
            paths = tuple(path for split in splits for path in images_of[split][group])
            text = f'group {group!r} has {len(paths)} images, in {", ".join(sorted(splits))}'
            yield Problem('same group in several splits', text, images=paths)
    alike: dict[str, list[str]] = defaultdict(list)
    for group in splits_of:
        alike[_plain_group(group)].append(group)
    for names in alike.values():
        if len(names) > 1:
            paths = tuple(path for name in names for split in splits_of[name] for path in images_of[split][name])
            text = (
                f'groups {" and ".join(map(ascii, sorted(names)))} differ in case, spaces, zeros or the form of their '
                'letters alone, and count as several'
            )
            yield Problem('groups written alike', text, images=paths)


def outliers(facts: Sequence[ImageFacts], tasks: TaskTable) -> Iterator[Problem]:
    """Images whose brightness or size is far from those of the other images of their task."""
    measures: dict[str, Callable[[ImageFacts], float]] = {
        'brightness': lambda fact: fact.brightness,
        'number of pixels': lambda fact: float(np.log(np.prod(fact.shape or (1, 1)))),
    }
    for name in tasks:
        of_task = [fact for fact in facts if fact.shape and any(row['task'] == name for row in fact.rows)]
        if len(of_task) < _FEW:
            continue
        for what, measure in measures.items():
            values = np.array([measure(fact) for fact in of_task])
            middle = float(np.median(values))
            # 1.4826 makes the median deviation that of a normal distribution; the floor is 5 grey levels or 15 %.
            spread = max(1.4826 * float(np.median(np.abs(values - middle))), 5.0 if what == 'brightness' else 0.15)
            for fact, value in zip(of_task, values, strict=True):
                if abs(value - middle) > _FAR * spread:
                    shown = f'{value:.0f}' if what == 'brightness' else f'{np.prod(fact.shape or ())}'
                    text = f'{fact.path}: {what} {shown} is far from that of the other images of {name!r}'
                    yield Problem(f'unusual {what}', text, task=name, images=(fact.path,))


def unusual_values(facts: Sequence[ImageFacts], tasks: TaskTable) -> Iterator[Problem]:
    """Numbers that are far from the others of their task, as a wrong unit or a missing decimal point makes them."""
    for name in tasks:
        found = [(fact, row) for fact in facts for row in fact.rows if row['task'] == name and 'value' in row]
        if len(found) < _FEW:
            continue
        values = np.array([row['value'] for _, row in found])
        middle = float(np.median(values))
        spread = 1.4826 * float(np.median(np.abs(values - middle)))
        for (fact, row), value in zip(found, values, strict=True):
            if spread > 0 and abs(value - middle) > _FAR * spread:
                text = (
                    f'{row["csv_file"]}, row {row["csv_row"]}: value {value:g} of task {name!r} is far from the others'
                )
                yield Problem('unusual value', text, task=name, images=(fact.path,))


def class_balance(facts: Sequence[ImageFacts], tasks: TaskTable, split: str) -> Iterator[Problem]:
    """Classes of a classification task that have no or few images."""
    counts: dict[str, Counter[int]] = defaultdict(Counter)
    for fact in facts:
        for row in fact.rows:
            if (found := _classes(row)) is not None:
                counts[row['task']].update(found)
    for name, of_class in counts.items():
        for label, class_name in enumerate(tasks[name].classes):
            if of_class[label] == 0:
                text = f'no image of class {class_name!r} of task {name!r} in {split}'
                yield Problem('class without images', text, task=name)
            elif of_class[label] < _FEW:
                text = f'{of_class[label]} images of class {class_name!r} of task {name!r} in {split}'
                yield Problem('class with few images', text, task=name)


def _classes(row: dict[str, Any]) -> tuple[int, ...] | None:
    """Return the classes of an image, None if its task has no classes of images."""
    if 'gt_label' in row:
        return (int(row['gt_label']),)
    return tuple(row['gt_labels']) if 'gt_labels' in row else None


def _alike_pairs(facts: Sequence[ImageFacts]) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of both images of all pairs that look alike without having the same pixels, (P,) and (P,)."""
    hashes = np.array([fact.hash for fact in facts], np.uint64)
    digests = np.unique([fact.digest for fact in facts], return_inverse=True)[1]
    pairs = [np.zeros((0, 2), np.int64)]
    for part in range(4):
        keys = hashes >> np.uint64(16 * part) & np.uint64(0xFFFF)
        order = np.argsort(keys, kind='stable')
        for bucket in np.split(order, np.flatnonzero(np.diff(keys[order])) + 1):
            for start in range(0, len(bucket) - 1, _CHUNK):
                ones = bucket[start : start + _CHUNK, None]
                near = _different_bits(hashes[ones] ^ hashes[bucket]) <= _MOST_BITS
                near &= (digests[ones] != digests[bucket]) & (ones < bucket)
                row, column = np.nonzero(near)
                pairs.append(np.stack([ones[row, 0], bucket[column]], axis=1))
    first, second = np.unique(np.concatenate(pairs), axis=0).T
    thumbnails = np.array([fact.thumbnail for fact in facts], np.float32).reshape(len(facts), -1)
    alike = np.zeros(len(first), bool)
    for start in range(0, len(first), _PAIRS):
        some = slice(start, start + _PAIRS)
        alike[some] = (thumbnails[first[some]] * thumbnails[second[some]]).sum(axis=1) > _LIKE
    return first[alike], second[alike]


def _different_bits(numbers: np.ndarray) -> np.ndarray:
    """Return how many bits of each number are set."""
    return np.asarray(_BITS[numbers[..., None].view(np.uint8)].sum(-1, dtype=np.uint8))


def _plain_group(name: str) -> str:
    """Return the name of a group without what people and spreadsheets change: case, spaces, zeros, forms of letters."""
    name = ''.join(unicodedata.normalize('NFKC', name).casefold().split())
    return re.sub(r'(?<!\d)0+(?=\d)', '', re.sub(r'\.0+$', '', name))
