"""What only many images together show: duplicates, leaks between splits, outliers, rare classes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, islice
from typing import Any

import numpy as np

from aurora_mm.checking.image_facts import ImageFacts
from aurora_mm.checking.problem import Problem
from aurora_mm.tasks import TaskTable

_MOST_BITS = 3  # in which hashes of near duplicates differ; of 4 parts of 16 bits, one is equal then
_LIKE = 0.99  # correlation of thumbnails
_FAR = 8.0  # robust standard deviations
_MOST_PAIRS = 2000  # that share a part of their hashes, of one part
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
    """Image files that look alike, as neighbouring frames or new encodings do, by a perceptual hash and a thumbnail."""
    usable = [fact for fact in facts if fact.thumbnail is not None and fact.thumbnail.any()]
    told: set[tuple[int, int]] = set()
    for part in range(4):
        buckets: dict[int, list[int]] = defaultdict(list)
        for number, fact in enumerate(usable):
            buckets[fact.hash >> (16 * part) & 0xFFFF].append(number)
        for bucket in buckets.values():
            for first, second in islice(combinations(bucket, 2), _MOST_PAIRS):
                if (first, second) in told or not _are_alike(usable[first], usable[second]):
                    continue
                told.add((first, second))
                paths = (usable[first].path, usable[second].path)
                splits = sorted({split_of[path] for path in paths})
                kind = 'alike images in several splits' if len(splits) > 1 else 'alike images'
                yield Problem(kind, f'{paths[0]} and {paths[1]} look alike, in {" and ".join(splits)}', images=paths)


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


def _are_alike(first: ImageFacts, second: ImageFacts) -> bool:
    if first.digest == second.digest or (first.hash ^ second.hash).bit_count() > _MOST_BITS:
        return False
    assert first.thumbnail is not None and second.thumbnail is not None
    return float((first.thumbnail * second.thumbnail).sum()) > _LIKE
