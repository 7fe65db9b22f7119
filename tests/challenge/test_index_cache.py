"""An index from the cache is the index that the CSV files give, and never an older one."""

import os
import pickle
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from aurora_mm.challenge.csv_files import read_root
from aurora_mm.challenge.index_cache import IndexCache
from aurora_mm.datasets import FMCUIADataset
from aurora_mm.errors import DataError
from aurora_mm.tasks import Task, TaskTable

AN_HOUR = 3600


def age(root):
    """Make files and folders an hour old: what has just changed is not cached."""
    for folder, _, names in os.walk(root):
        for path in [folder, *(f'{folder}/{name}' for name in names)]:
            changed = Path(path).stat().st_mtime_ns
            os.utime(path, ns=(changed, min(changed, time.time_ns() - AN_HOUR * 10**9)))


@pytest.fixture
def root(fmc_root):
    fmc_root.fill(4)
    fmc_root.csv('b', [fmc_root.cls_row(i, group=f'p{i // 2}') for i in range(4)] + [fmc_root.cls_row(3, group='p1')])
    age(fmc_root.path)
    return fmc_root


@pytest.fixture
def cached(root, tmp_path):
    """Read the index of the root through the cache; gives the index and whether the CSV files were read."""

    def read(**options):
        calls = []

        def from_csv():
            calls.append(1)
            return read_root(root.path, TaskTable(), **options)

        index = IndexCache(tmp_path / 'cache').read(root.path, options, from_csv)
        return index, bool(calls)

    return read


def same(index, other):
    return list(index.records) == list(other.records) and index[1:] == other[1:]


def test_the_index_is_that_of_the_csv_files(root, cached):
    expected = read_root(root.path, TaskTable())
    first, was_read = cached()
    assert was_read
    second, was_read = cached()
    assert not was_read
    assert same(first, expected)
    assert same(second, expected)
    assert len(second.repeated) == 1
    assert second.records.columns.groups_of(second.records.rows) == [record.group for record in expected.records]


def test_skipped_rows_and_options_are_kept_apart(root, cached):
    root.csv('d', [root.point_row(0, ('[1, 2]', 'x')), root.point_row(1)])
    age(root.path)
    expected = read_root(root.path, TaskTable(), on_error='skip')
    for _ in range(2):
        index, _ = cached(on_error='skip')
        assert index.skipped == expected.skipped != []
    unlabelled, was_read = cached(with_labels=False)
    assert was_read
    assert len(unlabelled.records) > len(index.records)
    assert not cached(on_error='skip')[1]


CHANGES = {
    'a cell': lambda root: edit(root / 'csv_files' / 'b.csv', ',0,p0', ',1,p0'),
    'a further row': lambda root: edit(root / 'csv_files' / 'c.csv', '\n', '\n\n'),
    'a new CSV file': lambda root: shutil.copy(root / 'csv_files' / 'b.csv', root / 'csv_files' / 'e.csv'),
    'a CSV file less': lambda root: (root / 'csv_files' / 'd.csv').unlink(),
    'a new image': lambda root: (root / 'Detection/nodule/new.png').write_bytes(b'new'),
}


def edit(file, old, new):
    text = file.read_bytes().decode().replace(old, new)
    file.write_bytes(text.encode())


@pytest.mark.parametrize('change', CHANGES.values(), ids=CHANGES)
def test_changed_data_is_read_again(root, cached, tmp_path, change):
    cached()
    change(root.path)
    index, was_read = cached()
    assert was_read
    assert same(index, read_root(root.path, TaskTable()))
    age(root.path)
    cached()
    assert not cached()[1]
    assert len(list((tmp_path / 'cache').iterdir())) == 1  # the older index is gone


def test_a_missing_image_is_still_an_error(root, cached):
    cached()
    (root.path / 'Detection/nodule/2.png').unlink()
    with pytest.raises(DataError, match=r"c\.csv, row 4: image_path '../Detection/nodule/2.png': there is no file"):
        cached()


def test_a_cell_that_changed_within_the_same_size_and_time(root, cached):
    """As a tool leaves it that restores the time of the content; the time of the last change of any kind differs."""
    file = root.path / 'csv_files' / 'b.csv'
    before = file.stat()
    cached()
    edit(file, ',0,p0', ',1,p0')
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_size == before.st_size
    assert cached()[1]


def test_equal_content_with_another_time_is_the_same(root, cached):
    cached()
    for file in (root.path / 'csv_files').iterdir():
        os.utime(file)
    assert not cached()[1]


def test_what_has_just_changed_is_not_cached(root, cached, tmp_path):
    (root.path / 'csv_files' / 'b.csv').touch()
    assert cached()[1]
    assert not (tmp_path / 'cache').exists()
    assert cached()[1]


@pytest.mark.parametrize('damage', [lambda data: data[: len(data) // 2], lambda data: b'', lambda data: b'x' * 4096])
def test_a_damaged_file_is_not_read(root, cached, tmp_path, damage):
    cached()
    (file,) = (tmp_path / 'cache').iterdir()
    file.write_bytes(damage(file.read_bytes()))
    index, was_read = cached()
    assert was_read
    assert same(index, read_root(root.path, TaskTable()))
    assert not cached()[1]


def test_another_process_maps_the_file(root, cached, tmp_path):
    cached()
    index, _ = cached()
    columns = index.records.columns
    assert not columns.image_path.data.flags.owndata
    assert not columns.csv_row.flags.writeable
    data = pickle.dumps(columns)
    assert len(data) < 1000  # the path of the file and no row
    assert list(pickle.loads(data).image_path) == list(columns.image_path)
    shutil.rmtree(tmp_path / 'cache')
    with pytest.raises(DataError, match='start again'):
        pickle.loads(data)
    assert columns.record(3) == index.records[3]  # who has it mapped, keeps it


def test_columns_without_a_file_are_copied(root):
    columns = read_root(root.path, TaskTable()).records.columns
    copied = pickle.loads(pickle.dumps(columns))
    assert [copied.record(row) for row in range(len(columns))] == [columns.record(row) for row in range(len(columns))]


def test_splits_are_those_without_a_cache(root, tmp_path):
    cache = str(tmp_path / 'cache')

    def items(split, seed, **options):
        dataset = FMCUIADataset(str(root.path), split, seed=seed, test_mode=True, **options)
        return list(dataset.data_list), dataset.metainfo

    for seed in (1, 2):
        expected = [items(split, seed) for split in ('train', 'val')]
        for _ in range(2):
            assert [items(split, seed, index_cache=cache) for split in ('train', 'val')] == expected
    assert sorted(path.suffix for path in (tmp_path / 'cache').iterdir()) == ['.arrow', '.npy', '.npy']


def test_a_damaged_split_is_computed_again(root, tmp_path):
    cache = tmp_path / 'cache'
    expected = list(FMCUIADataset(str(root.path), 'val', index_cache=str(cache)).data_list)
    (file,) = cache.glob('*.npy')
    for damage in (b'', np.array([{}], object).dumps()):
        file.write_bytes(damage)
        assert list(FMCUIADataset(str(root.path), 'val', index_cache=str(cache)).data_list) == expected


def test_another_version_of_an_annotation_is_read_again(root, cached, tmp_path, monkeypatch):
    cached()
    monkeypatch.setattr('aurora_mm.challenge.index_cache._sources', lambda: 'other sources')
    assert cached()[1]


@pytest.mark.slow
def test_processes_that_write_at_the_same_time(root, tmp_path):
    code = (
        'import sys; from aurora_mm.datasets import FMCUIADataset; '
        "print(len(FMCUIADataset(sys.argv[1], 'all', index_cache=sys.argv[2])))"
    )
    command = [sys.executable, '-c', code, str(root.path), str(tmp_path / 'cache')]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    assert [int(process.communicate()[0].split()[-1]) for process in processes] == [16, 16]
    assert len(list((tmp_path / 'cache').iterdir())) == 1


def test_tasks_of_a_config_are_kept_too(root, tmp_path, monkeypatch):
    from mmengine.config import Config

    from aurora_mm.apis.data_tasks import DataTasks

    dataset = dict(type='FMCUIADataset', data_root=str(root.path), split='train', index_cache=str(tmp_path / 'cache'))
    cfg = Config(dict(train_dataloader=dict(dataset=dataset)))
    known = TaskTable([Task('breast', 'classification', classes=('benign', 'malignant'))])
    expected = DataTasks(cfg, known, ['train_dataloader'])
    monkeypatch.setattr('aurora_mm.apis.data_tasks.read_root', None)
    again = DataTasks(cfg, known, ['train_dataloader'])
    assert again.table == expected.table
    assert again.trained() == expected.trained() == ['breast', 'organs', 'nodule', 'femur']
