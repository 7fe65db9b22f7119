"""The layout, the columns and the promises of the writer."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from aurora_mm.apis import read_tasks
from aurora_mm.checking import check_data
from aurora_mm.errors import ConfigError, DataError, OutputError
from aurora_mm.phantoms import SCENES, make_dataset, writer
from aurora_mm.tasks import Task, TaskTable

TASKS = TaskTable(
    [
        Task('organs', 'segmentation', ('background', 'a', 'b')),
        Task('kind', 'classification', ('x', 'y')),
        Task('find', 'detection', ('lesion',)),
        Task('ends', 'landmark', points=('left', 'right'), swaps=(('left', 'right'),)),
    ]
)
START = ['task_id', 'task_name', 'num_classes', 'image_path']


def read(root: Path, task: str) -> list[dict[str, str]]:
    with (root / 'csv_files' / f'{task}.csv').open(newline='', encoding='utf-8') as stream:
        return list(csv.DictReader(stream))


def tree(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob('*') if p.is_file()}


@pytest.fixture(scope='module')
def root(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp('phantoms') / 'new' / 'demo'
    make_dataset(out, TASKS, 3, seed=5, val_images_per_task=1)
    return out / 'train'


def test_folders_are_the_challenges(root):
    files = set(tree(root))
    assert {f for f in files if f.endswith('.csv')} == {f'csv_files/{name}.csv' for name in TASKS}
    folders = {'/'.join(f.split('/')[:-1]) for f in files if f.endswith('.png')}
    assert folders == {
        'Segmentation/Three/organs/images',
        'Segmentation/Three/organs/masks',
        'Classification/kind/images',
        'Detection/find/images',
        'Regression/ends/images',
    }
    assert [p.name for p in root.parent.parent.iterdir()] == ['demo']
    assert sorted(p.name for p in root.parent.iterdir()) == ['train', 'val']


@pytest.mark.parametrize(
    'task,task_name,number,columns',
    [
        ('organs', 'segmentation', '3', ['mask_path']),
        ('kind', 'classification', '2', ['mask']),
        ('find', 'detection', '1', ['x_min', 'y_min', 'x_max', 'y_max']),
        ('ends', 'Regression', '2', ['point_1_xy', 'point_2_xy']),
    ],
)
def test_rows_are_the_challenges(root, task, task_name, number, columns):
    for split, count in ((root, 3), (root.parent / 'val', 1)):
        rows = read(split, task)
        assert len(rows) == count
        for row in rows:
            assert list(row) == START + columns
            assert (row['task_id'], row['task_name'], row['num_classes']) == (task, task_name, number)
            assert all(row.values())
            for key in {'image_path', 'mask_path'} & set(row):
                assert row[key].startswith('../')
                assert (split / 'csv_files' / row[key]).is_file()
            assert Task.from_csv(task, row['task_name'], int(row['num_classes'])).type == TASKS[task].type


def test_answers_fit_their_images(root):
    base = root / 'csv_files'
    for row in read(root, 'organs'):
        image = cv2.imread(str(base / row['image_path']), cv2.IMREAD_UNCHANGED)
        mask = cv2.imread(str(base / row['mask_path']), cv2.IMREAD_UNCHANGED)
        assert image.dtype == mask.dtype == np.uint8 and image.ndim == mask.ndim == 2
        assert image.shape == mask.shape and set(np.unique(mask)) <= {0, 1, 2}
    for row in read(root, 'find'):
        height, width = cv2.imread(str(base / row['image_path']), cv2.IMREAD_UNCHANGED).shape
        x0, y0, x1, y1 = (int(row[k]) for k in ('x_min', 'y_min', 'x_max', 'y_max'))
        assert 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height
    for row in read(root, 'ends'):
        height, width = cv2.imread(str(base / row['image_path']), cv2.IMREAD_UNCHANGED).shape
        for x, y in (json.loads(row[k]) for k in ('point_1_xy', 'point_2_xy')):
            assert 0 < x < width and 0 < y < height
    assert [row['mask'] for row in read(root, 'kind')] == ['0', '1', '0']


@pytest.mark.long
def test_the_seed_decides_every_byte(root, tmp_path):
    make_dataset(tmp_path / 'same', TASKS, 3, seed=5, val_images_per_task=1, workers=2)
    assert tree(tmp_path / 'same') == tree(root.parent)
    make_dataset(tmp_path / 'other', TASKS, 1, seed=6)
    other = tree(tmp_path / 'other')
    assert all(other[name] != tree(root)[name] for name in other if name.endswith('.png'))


def test_an_image_depends_neither_on_the_number_of_images_nor_on_other_tasks(root, tmp_path):
    make_dataset(tmp_path / 'few', TaskTable([TASKS['find'], TASKS['organs']]), 2, seed=5)
    few, full = tree(tmp_path / 'few'), tree(root)
    assert sum(name.endswith('.png') for name in few) == 6
    assert all(full[name] == data for name, data in few.items() if name.endswith('.png'))


def test_training_and_validation_images_differ(root):
    assert not set(tree(root.parent / 'val').values()) & set(tree(root).values())


def test_tasks_that_no_one_has_heard_of(tmp_path):
    tasks = TaskTable(
        [
            Task('seven', 'segmentation', tuple('abcdefg')),
            Task('five', 'landmark', points=tuple('abcde')),
        ]
    )
    make_dataset(tmp_path / 'demo', tasks, 1)
    assert (tmp_path / 'demo/Segmentation/Seven/seven/masks').is_dir()
    (row,) = read(tmp_path / 'demo', 'five')
    assert row['num_classes'] == '5' and len(json.loads(row['point_5_xy'])) == 2


def test_there_are_phantoms_of_every_type_in_which_no_fault_is_found(tmp_path):
    tasks = read_tasks('_base_/tasks/all_types.py')
    assert {task.type for task in tasks.values()} == set(SCENES)
    make_dataset(tmp_path / 'demo', tasks, 5)
    report = check_data(tmp_path / 'demo', tasks.to_config(), workers=0)
    assert not report.stops_training
    assert report.rows == {('all', name): 5 for name in tasks}


def test_a_folder_with_something_in_it_is_refused_and_left_alone(tmp_path):
    (tmp_path / 'mine.txt').write_text('precious')
    with pytest.raises(DataError, match='new or an empty folder'):
        make_dataset(tmp_path, TASKS, 1)
    assert tree(tmp_path) == {'mine.txt': b'precious'}
    with pytest.raises(DataError, match=r'mine\.txt'):
        make_dataset(tmp_path / 'mine.txt', TASKS, 1)


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / 'demo').mkdir()
    make_dataset(tmp_path / 'demo', TaskTable([TASKS['kind']]), 1)
    assert len(read(tmp_path / 'demo', 'kind')) == 1


@pytest.mark.parametrize(
    'error,told',
    [(OSError('disk full'), OutputError), (KeyboardInterrupt(), KeyboardInterrupt)],
    ids=['error', 'interrupt'],
)
def test_an_interrupted_write_leaves_nothing(tmp_path, monkeypatch, error, told):
    write = writer._write_image

    def fails(job):
        if job.task.name == 'find':
            raise error
        return write(job)

    monkeypatch.setattr(writer, '_write_image', fails)
    with pytest.raises(told):
        make_dataset(tmp_path / 'demo', TASKS, 1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    'tasks,images,kwargs',
    [(TaskTable(), 1, {}), (TASKS, 0, {}), (TASKS, 1, {'seed': -1}), (TASKS, 1, {'val_images_per_task': -1})],
)
def test_nothing_to_draw_is_an_error(tmp_path, tasks, images, kwargs):
    with pytest.raises(ConfigError, match='nothing to draw'):
        make_dataset(tmp_path / 'demo', tasks, images, **kwargs)
    assert list(tmp_path.iterdir()) == []


def test_a_task_that_cannot_be_drawn_is_told_before_anything_is_written(tmp_path):
    tasks = TaskTable([Task('ten', 'segmentation', tuple('abcdefghij'))])
    with pytest.raises(ConfigError, match='10 classes'):
        make_dataset(tmp_path / 'demo', tasks, 1)
    assert list(tmp_path.iterdir()) == []
