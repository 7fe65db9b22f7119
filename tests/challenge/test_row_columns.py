import numpy as np
import pytest

from aurora_mm.challenge.csv_files import read_root
from aurora_mm.tasks import TaskTable


@pytest.fixture
def records(fmc_root):
    """Rows of two tasks; images 0 and 1 of the first are of one group."""
    rows = [fmc_root.cls_row(i, group='p1' if i < 2 else '') for i in range(3)]
    fmc_root.csv('rows', [fmc_root.det_row(0), *rows, fmc_root.det_row(1)])
    return read_root(fmc_root.path, TaskTable()).records


def test_a_sequence_of_records(records):
    assert [record.csv_row for record in records] == [2, 3, 4, 5, 6]
    assert records[-1].csv_row == 6
    assert [record.csv_row for record in records[1:3]] == [3, 4]
    assert [record.csv_row for record in records[np.array([4, 0])]] == [6, 2]


def test_rows_of_tasks(records):
    assert records.tasks() == ['nodule', 'breast']
    assert [record.csv_row for record in records.of_tasks(['nodule', 'another'])] == [2, 6]
    assert records.of_tasks(['breast']).tasks() == ['breast']
    assert len(records.of_tasks([])) == 0


def test_one_row_of_each_task_is_kept_alone(records):
    few = records[1:].one_of_each_task()
    assert list(few) == [records[1], records[4]]
    assert few.tasks() == ['breast', 'nodule']
    assert len(few.columns) == len(few.columns.image_path) == 2


def test_groups(records):
    columns, rows = records.columns, np.array([3, 1, 0])
    expected = ['Classification/breast/2.png', 'p1', 'Detection/nodule/0.png']
    assert columns.groups_of(rows) == [columns.record(row).group for row in rows.tolist()] == expected
    assert [record.group for record in records[rows]] == expected
