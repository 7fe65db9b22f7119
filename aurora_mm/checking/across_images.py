"""Images that are the same or look alike, within and across splits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import minimum_spanning_tree

from aurora_mm.checking.image_facts import ImageFacts
from aurora_mm.checking.label_facts import ANSWER_KEYS
from aurora_mm.checking.problem import Problem

_MOST_BITS = 3  # in which hashes of near duplicates differ; of 4 parts of 16 bits, one is equal then
_LIKE = 0.99  # correlation of thumbnails
_CHUNK = 256  # hashes that are compared with all others of a part at once
_PAIRS = 4096  # thumbnails that are compared at once
_BITS = np.array([number.bit_count() for number in range(256)], np.uint8)  # in each byte


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
        labels: dict[str, set[Any]] = defaultdict(set)
        for fact in same:
            for row in fact.rows:
                if (answer := _answer(fact, row)) is not None:
                    labels[row['task']].add(answer)
        for task, found in labels.items():
            if len(found) > 1:
                answers = 'different answers'
                if all(isinstance(answer, tuple) for answer in found):
                    answers = f'the classes {[one[0] if len(one) == 1 else list(one) for one in sorted(found)]}'
                message = f'{text}, but {answers} for task {task!r}'
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
    first, second, is_mirrored = _alike_pairs(usable)
    # Pairs of several splits weigh less, so that the spanning forest takes as many of them as it can.
    weights = np.where(splits[first] == splits[second], 2, 1)
    forest = minimum_spanning_tree(csr_array((weights, (first, second)), shape=(len(usable), len(usable)))).tocoo()
    mirrored = set(zip(first[is_mirrored].tolist(), second[is_mirrored].tolist(), strict=True))
    for one, other in sorted(zip(forest.row.tolist(), forest.col.tolist(), strict=True)):
        paths = (usable[one].path, usable[other].path)
        found = sorted({split_of[path] for path in paths})
        kind = 'alike images in several splits' if len(found) > 1 else 'alike images'
        how = 'look alike, one of them mirrored' if (one, other) in mirrored else 'look alike'
        yield Problem(kind, f'{paths[0]} and {paths[1]} {how}, in {" and ".join(found)}', images=paths)


def _answer(fact: ImageFacts, row: dict[str, Any]) -> tuple[int, ...] | str | bytes | None:
    """Return the classes of an image, or what stands for another answer; None for an answer that is not known."""
    if 'gt_label' in row:
        return (int(row['gt_label']),)
    if 'gt_labels' in row:
        return tuple(row['gt_labels'])
    for key in ANSWER_KEYS:
        if key in row:
            return f'{row[key]} {row.get("bboxes_labels", "")}'
    label = fact.labels.get(row['task'])
    return None if label is None else label.digest


def _alike_pairs(facts: Sequence[ImageFacts]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find all pairs of images that look alike, as they are or one of them mirrored, without having the same pixels.

    Returns:
        The indices of both images, the first the smaller one, and whether they are alike only when one is mirrored,
        (P,) each.
    """
    count = len(facts)
    # Each image is compared with all images and with all mirrored ones, which have the indices from `count` on.
    hashes = np.array([fact.hash for fact in facts] + [fact.mirrored_hash for fact in facts], np.uint64)
    digests = np.tile(np.unique([fact.digest for fact in facts], return_inverse=True)[1], 2)
    pairs = [np.zeros((0, 2), np.int64)]
    for part in range(4):
        keys = hashes >> np.uint64(16 * part) & np.uint64(0xFFFF)
        order = np.argsort(keys, kind='stable')
        for bucket in np.split(order, np.flatnonzero(np.diff(keys[order])) + 1):
            plain = bucket[bucket < count]
            for start in range(0, len(plain), _CHUNK):
                ones = plain[start : start + _CHUNK, None]
                near = _different_bits(hashes[ones] ^ hashes[bucket]) <= _MOST_BITS
                near &= (digests[ones] != digests[bucket]) & (ones < bucket % count)
                row, column = np.nonzero(near)
                pairs.append(np.stack([ones[row, 0], bucket[column]], axis=1))
    first, second = np.unique(np.concatenate(pairs), axis=0).T
    thumbnails = np.array([fact.thumbnail for fact in facts], np.float32)
    thumbnails = np.concatenate([thumbnails, thumbnails[:, :, ::-1]]).reshape(2 * count, -1)
    alike = np.zeros(len(first), bool)
    for start in range(0, len(first), _PAIRS):
        some = slice(start, start + _PAIRS)
        alike[some] = (thumbnails[first[some]] * thumbnails[second[some]]).sum(axis=1) > _LIKE
    first, second = first[alike], second[alike]
    is_mirrored = second >= count
    order = np.lexsort((is_mirrored, second % count, first))
    found, places = np.unique(np.stack([first, second % count])[:, order], axis=1, return_index=True)
    return found[0], found[1], is_mirrored[order][places]


def _different_bits(numbers: np.ndarray) -> np.ndarray:
    """Return how many bits of each number are set."""
    return np.asarray(_BITS[numbers[..., None].view(np.uint8)].sum(-1, dtype=np.uint8))
