"""Images that look alike, against a comparison of all pairs by Python's own numbers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster.hierarchy import DisjointSet

from aurora_mm.checking.across_images import near_duplicates
from aurora_mm.checking.image_facts import ImageFacts


def fact(number, bits, thumbnail, digest=None):
    thumbnail = thumbnail - thumbnail.mean()
    digest = str(number).encode() if digest is None else digest
    return ImageFacts(f'{number}.png', [], [], (9, 9), 0.0, digest, bits, thumbnail / np.linalg.norm(thumbnail))


def clip(length, rng):
    """Frames of one hash that drift: neighbours are alike, the first and the last are not."""
    picture = rng.normal(size=(16, 16))
    for number in range(length):
        picture = picture + rng.normal(scale=0.02, size=(16, 16))
        yield fact(number, 0x1234_5678_9ABC_DEF0, picture)


def test_all_frames_of_a_long_clip_are_connected():
    facts = list(clip(400, np.random.default_rng(0)))
    found = DisjointSet(fact.path for fact in facts)
    for problem in near_duplicates(facts, dict.fromkeys((fact.path for fact in facts), '')):
        found.merge(*problem.images)
    assert found.n_subsets == 1


@pytest.mark.parametrize('seed', range(5))
def test_the_groups_and_the_leaks_of_all_pairs(seed):
    rng = np.random.default_rng(seed)
    pictures = rng.normal(size=(6, 16, 16))
    facts, split_of = [], {}
    for number in range(60):
        kind = int(rng.integers(6))
        bits = kind * 0x1111_2222_3333_4444 ^ sum(1 << int(b) for b in {*rng.integers(0, 64, rng.integers(5)).tolist()})
        noise = rng.normal(scale=rng.choice([0.01, 0.2]), size=(16, 16))
        facts.append(fact(number, bits, pictures[kind] + noise, b'same' if number % 9 == 0 else None))
        split_of[facts[-1].path] = str(rng.choice(['train', 'val']))
    alike = [
        (one.path, other.path)
        for i, one in enumerate(facts)
        for other in facts[i + 1 :]
        if one.digest != other.digest
        and (one.hash ^ other.hash).bit_count() <= 3
        and float((one.thumbnail * other.thumbnail).sum()) > 0.99
    ]
    expected, found = (DisjointSet(fact.path for fact in facts) for _ in range(2))
    for pair in alike:
        expected.merge(*pair)
    problems = list(near_duplicates(facts, split_of))
    for problem in problems:
        assert problem.images in alike
        found.merge(*problem.images)
    assert {frozenset(group) for group in found.subsets()} == {frozenset(group) for group in expected.subsets()}
    assert len(problems) == len(facts) - expected.n_subsets
    leaks = {path for pair in alike if len({split_of[path] for path in pair}) > 1 for path in pair}
    told = {path for problem in problems if problem.kind == 'alike images in several splits' for path in problem.images}
    assert told == leaks


def test_no_image():
    assert list(near_duplicates([], {})) == []
