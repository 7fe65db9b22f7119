"""Items that are made from columns, compared with the rows of the CSV files, and read by workers."""

import json
import multiprocessing

import numpy as np
import pytest
from torch.utils.data import DataLoader

from aurora_mm.challenge.csv_files import read_root
from aurora_mm.datasets import FMCUIADataset
from aurora_mm.datasets.items import Items
from aurora_mm.tasks import TaskTable


@pytest.fixture
def items(fmc_root):
    """Rows of two tasks with images in common, one of them a frame of a file."""
    (fmc_root.path / 'Classification').mkdir()
    (fmc_root.path / 'Classification' / 'clip.mp4').write_bytes(b'clip')
    frame = fmc_root.cls_row(0) | dict(image_path='../Classification/clip.mp4#frame=7')
    rows = [fmc_root.cls_row(0), fmc_root.det_row(1), fmc_root.cls_row(1), frame]
    rows.append(fmc_root.det_row(2) | dict(image_path=rows[2]['image_path']))
    fmc_root.csv('rows', rows)
    index = read_root(fmc_root.path, TaskTable())
    of_task = {name: dict(task=name, task_type=task.type) for name, task in index.tasks.items()}
    return Items(index.records, of_task, all_labels=True)


def test_the_path_of_each_image_file_once(items, fmc_root):
    names = sorted(path.removeprefix(f'{fmc_root.path}/') for path in items.image_files())
    assert names == ['Classification/breast/0.png', 'Classification/breast/1.png', 'Detection/nodule/1.png']


def test_paths_of_many_rows_are_those_of_each(items):
    columns = items._records.columns
    rows = np.array([3, 0, 2, 4], np.int32)
    assert columns.img_paths(rows) == [columns.img_path(row) for row in rows.tolist()]
    assert columns.img_paths(rows[:0]) == []


def test_other_rows_have_the_same_image(items):
    assert [[other['img_id'] for other in item['other_rows']] for item in items] == [[], [], [4], [], [2]]
    assert items.kinds(['breast', 'nodule'])['breast', 'nodule'].tolist() == [2]


def test_a_subset_keeps_the_indices_of_its_items(items):
    some = items[np.array([4, 1])]
    assert [item['img_id'] for item in some] == [4, 1]
    assert some.places_of_task('nodule').tolist() == [0, 1]
    assert json.dumps(some[0]) == json.dumps(items[4])


@pytest.mark.parametrize('method', ['fork', pytest.param('spawn', marks=pytest.mark.slow)])
def test_workers_read_after_arrow_has(tmp_path, method):
    """Threads of a library may hold locks while a process is forked; that would stop a worker for ever."""
    rows = 60_000  # several blocks of Arrow's
    (tmp_path / 'csv_files').mkdir()
    (tmp_path / 'clip.mp4').write_bytes(b'clip')
    lines = (f'kind,classification,4,../clip.mp4#frame={row},{row % 4}' for row in range(rows))
    text = '\n'.join(['task_id,task_name,num_classes,image_path,mask', *lines])
    (tmp_path / 'csv_files' / 'rows.csv').write_text(text)
    dataset = FMCUIADataset(str(tmp_path), split='all', pipeline=[Label()])
    loader = DataLoader(
        dataset,
        batch_size=200,
        sampler=range(0, rows, 150),
        num_workers=2,
        persistent_workers=True,
        collate_fn=list,
        timeout=600,
        multiprocessing_context=multiprocessing.get_context(method),
    )
    expected = [row % 4 for row in range(0, rows, 150)]
    for _ in range(2):  # persistent workers serve a second epoch
        assert [item['label'] for batch in loader for item in batch] == expected
    if method == 'fork':  # Arrow works in the parent between forks
        FMCUIADataset(str(tmp_path), split='train')
        again = DataLoader(dataset, batch_size=200, num_workers=2, collate_fn=list, timeout=600, sampler=range(9))
        assert [item['label'] for batch in again for item in batch] == [row % 4 for row in range(9)]


class Label:
    """A pipeline of one step that gives the label alone."""

    def __call__(self, results):
        return dict(label=results['gt_label'])
