from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter

import pytest

from aurora_mm.datasets.split import split_indices
from aurora_mm.errors import ConfigError

ORDER = ['seg', 'cls', 'det']
RATIOS = dict(train=0.7, val=0.2, test=0.1)


def make_rows() -> list[tuple[str, str, int]]:
    """(task, group, stratum): images 0..99 in two tasks, 60..199 in the third."""
    rows = [('seg', f'image_{i}', 0) for i in range(100)]
    rows += [('det', f'image_{i}', 0) for i in range(100)]
    rows += [('cls', f'image_{i}', (i * 7) % 10 // 4) for i in range(60, 200)]
    return rows


def split(rows, ratios=RATIOS, seed=42):
    tasks, groups, strata = zip(*rows, strict=True)
    return split_indices(tasks, groups, strata, ratios, seed, ORDER)


def contents(rows, sides):
    return {side: {rows[i] for i in indices} for side, indices in sides.items()}


def test_every_row_once_and_no_image_on_two_sides():
    rows = make_rows()
    sides = split(rows)
    assert sorted(i for indices in sides.values() for i in indices) == list(range(len(rows)))
    images = {side: {rows[i][1] for i in indices} for side, indices in sides.items()}
    assert not images['train'] & images['val']
    assert not images['train'] & images['test']
    assert not images['val'] & images['test']


def test_quota_of_a_task_is_met():
    rows = make_rows()
    sides = split(rows)
    for side, ratio in RATIOS.items():
        counts = Counter(rows[i][0] for i in sides[side])
        assert counts['seg'] == counts['det'] == round(ratio * 100)
        # Strata hold images that an earlier task placed, so a stratum can be off by those.
        assert abs(counts['cls'] - ratio * 140) <= 5


def test_classes_are_stratified_and_sum_to_the_quota():
    rows = [
        ('cls', f'image_{i}', label)
        for label, n in enumerate([7, 13, 40, 3])
        for i in range(100 * label, 100 * label + n)
    ]
    sides = split(rows)
    for side, ratio in RATIOS.items():
        counts = Counter(rows[i][2] for i in sides[side])
        assert abs(len(sides[side]) - ratio * len(rows)) <= 1
        for label, n in enumerate([7, 13, 40, 3]):
            assert abs(counts[label] - ratio * n) < 2
    assert len(sides['val']) == round(0.2 * 63)


def test_order_of_rows_does_not_matter():
    rows = make_rows()
    shuffled = rows[:]
    random.Random(0).shuffle(shuffled)
    assert contents(rows, split(rows)) == contents(shuffled, split(shuffled))


def test_seed_matters():
    rows = make_rows()
    assert split(rows, seed=1) == split(rows, seed=1)
    assert split(rows, seed=1) != split(rows, seed=2)


@pytest.mark.long
def test_another_process_agrees():
    call = "split_indices(['t'] * 50, [f'i{k}' for k in range(50)], [0] * 50, dict(train=.8, val=.2), 42, ['t'])"
    answer = subprocess.run(
        [sys.executable, '-c', f'from aurora_mm.datasets.split import split_indices; print({call})'],
        env={**os.environ, 'PYTHONHASHSEED': '1'},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    here = split_indices(['t'] * 50, [f'i{k}' for k in range(50)], [0] * 50, dict(train=0.8, val=0.2), 42, ['t'])
    assert answer.strip() == str(here)
    assert len(here['val']) == 10


def test_large_groups_stay_whole():
    rows = [('seg', f'patient_{i // 5}', 0) for i in range(100)]
    sides = split(rows, dict(train=0.8, val=0.2))
    patients = [{rows[i][1] for i in sides[side]} for side in ('train', 'val')]
    assert not patients[0] & patients[1]
    assert len(sides['val']) == 20


def test_a_group_goes_where_it_brings_the_count_nearer():
    # One patient owns 60 of 100 rows: in validation it would overshoot the quota of 20 by 40.
    rows = [('seg', 'big', 0)] * 60 + [('seg', f'small_{i}', 0) for i in range(40)]
    for seed in range(10):
        val = split(rows, dict(train=0.8, val=0.2), seed)['val']
        assert len(val) == 20
        assert all(rows[i][1] != 'big' for i in val)


@pytest.mark.parametrize('ratios', [dict(train=0.8), dict(train=1.2, val=-0.2), dict(train=0.8, dev=0.2)])
def test_impossible_ratios(ratios):
    with pytest.raises(ConfigError, match='ratio'):
        split(make_rows(), ratios)
