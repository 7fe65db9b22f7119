"""Splits keep groups together, fill their quotas in every task and class, and are read by training."""

from __future__ import annotations

import csv
import shutil
import sys
from collections import Counter

import cv2
import numpy as np
import pytest

from aurora_mm.cli.main import main
from aurora_mm.datasets import FMCUIADataset
from aurora_mm.errors import ConfigError, DataError
from aurora_mm.splitting import split_data
from aurora_mm.splitting.folds import assign_folds
from aurora_mm.splitting.groups import Groups

PATIENTS, EACH = 20, 3


def picture(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (9, 12)).astype(np.float32)
    return np.clip(cv2.resize(noise, (48, 36), interpolation=cv2.INTER_CUBIC), 0, 255).astype(np.uint8)


def write(root, rows, task):
    (root / 'csv_files').mkdir(parents=True, exist_ok=True)
    with (root / 'csv_files' / f'{task}.csv').open('w', newline='') as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def root(tmp_path):
    """Images of 20 patients from 4 centres; one task labels all, another those of even number."""
    path = tmp_path / 'data'
    kinds, boxes = [], []
    for number in range(PATIENTS * EACH):
        name = f'images/p{number // EACH:02d}_{number % EACH}.png'
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path / name), picture(number))
        row = dict(image_path=f'../{name}', centre=f'centre {number // EACH % 4}')
        kinds.append(dict(task_id='kind', task_name='classification', num_classes=2, mask=number % 3 // 2) | row)
        box = dict(x_min=1, y_min=2, x_max=20, y_max=30)
        boxes.append(dict(task_id='nodule', task_name='detection', num_classes=1) | box | row)
    write(path, kinds, 'kind')
    write(path, boxes[::2], 'nodule')
    return path


def patients(root):
    rows = FMCUIADataset(str(root), 'all', test_mode=True).load_data_list()
    return Counter(row['image_path'].split('/')[-1].split('_')[0] for row in rows)


@pytest.mark.parametrize(
    ('column', 'value', 'options', 'said'),
    [
        ('patient', 'p{}'.format, {}, "kind.csv and 1 more files, row 1: column 'patient' is not read"),
        ('patient', 'p{}'.format, dict(group_column='patient'), None),
        ('patient', 'p{}'.format, dict(group_pattern=r'/(p\d+)_'), None),
        ('group', lambda n: f'p{n}' if n else '', {}, "3 images of task 'kind' have no group and 57 have one"),
        ('group', lambda n: 'P 01' if n == 2 else f'p{n}', {}, "groups 'P 01' and 'p1' differ in case"),
        ('group', 'p{}'.format, {}, None),
    ],
)
def test_what_is_doubtful_about_groups_is_told(root, tmp_path, monkeypatch, column, value, options, said):
    told = []
    module = sys.modules['aurora_mm.splitting.split_data']  # whose name in the package is that of the function
    monkeypatch.setattr(module, 'print_log', lambda text, **_: told.append(text))
    for file in (root / 'csv_files').iterdir():
        rows = list(csv.DictReader(file.open()))
        numbers = [int(row['image_path'].split('/p')[1][:2]) for row in rows]
        write(root, [row | {column: value(n)} for row, n in zip(rows, numbers, strict=True)], file.stem)
    split_data(root, tmp_path / 'out', **options)
    assert bool(told) == (said is not None)
    assert said is None or said in told[0]


def test_folds_by_patient(root, tmp_path):
    report = split_data(root, tmp_path / 'out', folds=5, group_pattern=r'/(p\d+)_')
    held_out = [patients(tmp_path / 'out' / f'fold_{fold}' / 'val') for fold in range(5)]
    assert report.groups == PATIENTS
    assert sorted(p for fold in held_out for p in fold) == sorted({f'p{i:02d}' for i in range(PATIENTS)})
    for fold in range(5):
        train = patients(tmp_path / 'out' / f'fold_{fold}' / 'train')
        assert not train.keys() & held_out[fold].keys()
        assert sum(train.values()) + sum(held_out[fold].values()) == 90
        assert report.rows[f'fold_{fold}/val'] == {'kind': 12, 'nodule': 6}


def test_labels_and_masks_are_those_of_before(root, tmp_path):
    split_data(root, tmp_path / 'out', ratios=dict(train=0.5, val=0.25, test=0.25))
    before = {(r['task'], r['img_path'].split('/')[-1]): r for r in FMCUIADataset(str(root), 'all').load_data_list()}
    seen = []
    for side in ('train', 'val', 'test'):
        for row in FMCUIADataset(str(tmp_path / 'out'), side, test_mode=True).load_data_list():
            key = row['task'], row['img_path'].split('/')[-1]
            seen.append(key)
            for field in ('gt_label', 'bbox'):
                assert row.get(field) == before[key].get(field)
            assert cv2.imread(row['img_path']) is not None
    assert sorted(seen) == sorted(before)


def test_a_split_root_is_split_anew(root, tmp_path):
    split_data(root, tmp_path / 'first', ratios=dict(train=0.5, val=0.5))
    report = split_data(tmp_path / 'first', tmp_path / 'second', folds=2, group_pattern=r'/(p\d+)_')
    assert report.torn_before > 5
    sides = [patients(tmp_path / 'second' / 'fold_0' / side).keys() for side in ('train', 'val')]
    assert not sides[0] & sides[1]
    assert len(sides[0] | sides[1]) == PATIENTS


def test_one_centre_left_out(root, tmp_path):
    split_data(root, tmp_path / 'out', leave_out='centre')
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == [f'without_centre_{i}' for i in range(4)]
    held_out = patients(tmp_path / 'out' / 'without_centre_1' / 'val')
    assert held_out.keys() == {f'p{i:02d}' for i in range(1, PATIENTS, 4)}
    assert not held_out.keys() & patients(tmp_path / 'out' / 'without_centre_1' / 'train').keys()


def test_centres_whose_folders_would_be_one_are_refused(root, tmp_path):
    """They became one centre."""
    file = root / 'csv_files' / 'kind.csv'
    file.write_text(file.read_text().replace('centre 1', 'centre+0'))
    with pytest.raises(
        DataError, match=r"kind\.csv, row \d+: 'centre.0' and 'centre.0' in column 'centre' are too alike"
    ):
        split_data(root, tmp_path / 'out', leave_out='centre')
    assert not (tmp_path / 'out').exists()


def test_images_that_look_alike_stay_together(root, tmp_path):
    for number in range(10):  # images of ten patients are those of ten others, encoded anew
        copy = picture(number * EACH) // 4 * 4
        cv2.imwrite(str(root / 'images' / f'p{number + 10:02d}_0.png'), copy)
    report = split_data(root, tmp_path / 'out', folds=2, group_pattern=r'/(p\d+)_', alike=True, workers=0)
    assert report.groups == 10
    held_out = patients(tmp_path / 'out' / 'fold_0' / 'val')
    for number in range(10):
        assert (f'p{number:02d}' in held_out) == (f'p{number + 10:02d}' in held_out)


def test_the_outcome_does_not_depend_on_where_the_data_lies(root, tmp_path):
    moved = tmp_path / 'elsewhere' / 'copy'
    shutil.copytree(root, moved)
    for choice in (dict(ratios=dict(train=0.5, val=0.5)), dict(folds=3)):
        found = []
        for source in (root, moved):
            out = tmp_path / f'out_{source.name}_{len(choice)}_{"folds" in choice}'
            split_data(source, out, group_pattern=r'/(p\d+)_', **choice)
            found.append({f.relative_to(out): f.read_text() for f in out.rglob('*.csv')})
        assert found[0] == found[1]


def test_the_outcome_depends_on_the_seed_alone(root, tmp_path):
    for name, seed in (('a', 1), ('b', 1), ('c', 2)):
        split_data(root, tmp_path / name, folds=4, seed=seed, group_pattern=r'/(p\d+)_')
    chosen = {name: patients(tmp_path / name / 'fold_0' / 'val') for name in 'abc'}
    assert chosen['a'] == chosen['b'] != chosen['c']


@pytest.mark.parametrize(
    ('arguments', 'error', 'message'),
    [
        (dict(folds=1), ConfigError, 'cannot make 1 folds'),
        (dict(folds=100), ConfigError, '60 groups of images cannot make 100 folds'),
        (dict(folds=2, leave_out='centre'), ConfigError, 'ask for one of'),
        (dict(leave_out='scanner'), DataError, r"kind\.csv, row 2: column 'scanner' is empty or missing"),
        (dict(leave_out='task_name', group_pattern='png'), DataError, 'have several values'),
        (dict(folds=2, group_pattern='('), ConfigError, 'no regular expression'),
        (dict(folds=2, group_pattern='nobody'), ConfigError, "finds nothing in '"),
        (dict(ratios=dict(train=0.5, val=0.2)), ConfigError, 'must sum to 1'),
    ],
)
def test_refusals_leave_nothing_behind(root, tmp_path, arguments, error, message):
    with pytest.raises(error, match=message):
        split_data(root, tmp_path / 'out', **arguments)
    assert not (tmp_path / 'out').exists()


def test_folds_are_even_in_every_stratum():
    chance = np.random.default_rng(0)
    rows_of = {f'g{i}': Counter({('t', int(chance.integers(3))): int(chance.integers(1, 9))}) for i in range(200)}
    fold_of = assign_folds(rows_of, 5, seed=0)
    filled = [Counter() for _ in range(5)]
    for group, fold in fold_of.items():
        filled[fold].update(rows_of[group])
    for stratum in {s for rows in rows_of.values() for s in rows}:
        sizes = [rows[stratum] for rows in filled]
        assert max(sizes) - min(sizes) <= 8  # the largest group


def test_groups_are_joined_through_others():
    groups = Groups('abcde')
    groups.join(['d', 'e'])
    groups.join_by(dict(a='1', b='2', c='1', d='2', e=''))
    assert [groups.of(image) for image in 'abcde'] == list('ababb')


def test_the_command(root, tmp_path, capsys):
    main(['split-data', str(root), str(tmp_path / 'out'), '--ratios', '.6', '.2', '.2', '--group-pattern', r'/(p\d+)_'])
    out = capsys.readouterr().out
    assert '| rows | train | val | test |' in out
    assert '20 groups of images, none on two sides' in out
    assert len(FMCUIADataset(str(tmp_path / 'out'), 'test', test_mode=True)) > 0
