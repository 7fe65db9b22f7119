"""The column ``pixel_spacing``, from the cells to the records of a data root and the items of a data set."""

import pickle

import numpy as np
import pytest

from aurora_mm.challenge.csv_cells import BadRow
from aurora_mm.challenge.csv_files import read_root
from aurora_mm.challenge.row_columns import RowColumns
from aurora_mm.challenge.spacing_column import parse_spacing_cell
from aurora_mm.datasets import FMCUIADataset
from aurora_mm.errors import DataError
from aurora_mm.tasks import TaskTable

BAD = {  # and what of it the message shows
    '[0.1]': '[0.1]',
    '[0.1, 0.2, 0.3]': '[0.1, 0.2, 0.3]',
    '[0, 0.1]': '[0, 0.1]',
    '[-0.1, 0.1]': '[-0.1, 0.1]',
    '0.1': "'0.1'",
    '[0.1, 1e999]': 'Infinity',
    '[0.1, NaN]': 'NaN',
    '["0.1", "0.1"]': '"0.1"',
    'x': "'x'",
}


def spacings(root, **options):
    return [record.pixel_spacing for record in read_root(root.path, TaskTable(), **options).records]


def test_a_cell():
    assert parse_spacing_cell('[0.1, 2]') == (0.1, 2.0)
    assert parse_spacing_cell(' ') is None


@pytest.mark.parametrize('text', BAD)
def test_a_bad_cell_is_named(text, fmc_root):
    with pytest.raises(BadRow):
        parse_spacing_cell(text)
    rows = [fmc_root.cls_row(0, pixel_spacing='[0.1, 0.2]'), fmc_root.cls_row(1, pixel_spacing=text)]
    fmc_root.csv('b', rows)
    with pytest.raises(DataError, match=r'b\.csv, row 3: pixel_spacing ') as error:
        read_root(fmc_root.path, TaskTable())
    assert BAD[text] in str(error.value)
    index = read_root(fmc_root.path, TaskTable(), on_error='skip')
    assert [record.pixel_spacing for record in index.records] == [(0.1, 0.2)]
    (skipped,) = index.skipped
    assert skipped.task == 'breast'
    assert 'b.csv, row 3: pixel_spacing' in skipped.message
    with pytest.raises(DataError, match='pixel_spacing'):
        read_root(fmc_root.path, TaskTable(), with_labels=False)


def test_rows_of_several_files_with_and_without_the_column(fmc_root):
    fmc_root.csv('a', [fmc_root.det_row(0)])
    fmc_root.csv('b', [fmc_root.cls_row(i, pixel_spacing=text) for i, text in enumerate(['[0.1,0.2]', '', '[1, 1]'])])
    fmc_root.csv('c', [fmc_root.point_row(i, pixel_spacing=text) for i, text in enumerate(['[1, 1]', '[0.1, 0.2]'])])
    expected = [None, (0.1, 0.2), None, (1.0, 1.0), (1.0, 1.0), (0.1, 0.2)]
    assert spacings(fmc_root) == expected
    columns = read_root(fmc_root.path, TaskTable()).records.columns
    assert list(columns.spacings) == ['[0.1, 0.2]', '[1.0, 1.0]']  # each once
    assert pickle.loads(pickle.dumps(columns)).record(3).pixel_spacing == (1.0, 1.0)
    assert columns.take(np.array([1, 4])).record(1).pixel_spacing == (1.0, 1.0)


def test_the_rows_of_an_image_share_its_spacing(fmc_root):
    shared = fmc_root.cls_row(0, pixel_spacing='[0.1, 0.2]')
    fmc_root.csv('b', [shared, fmc_root.cls_row(1)])
    fmc_root.csv('c', [fmc_root.det_row(0, image_path=shared['image_path'])])
    assert spacings(fmc_root) == [(0.1, 0.2), None, (0.1, 0.2)]


def test_two_spacings_of_one_image_are_refused(fmc_root):
    shared = fmc_root.cls_row(0, pixel_spacing='[0.1, 0.2]')
    fmc_root.csv('b', [shared])
    fmc_root.csv('c', [fmc_root.det_row(0, image_path=shared['image_path'], pixel_spacing='[0.2, 0.1]')])
    message = r"c\.csv, row 2: pixel_spacing of '.*0\.png' is \[0\.2, 0\.1\], but \[0\.1, 0\.2\] in another row"
    with pytest.raises(DataError, match=message):
        read_root(fmc_root.path, TaskTable())
    assert spacings(fmc_root, on_error='skip') == [(0.1, 0.2)]


def test_one_spacing_written_in_two_ways_is_one(fmc_root):
    shared = fmc_root.cls_row(0, pixel_spacing='[0.1, 0.2]')
    other = fmc_root.det_row(0, image_path=shared['image_path'], pixel_spacing='[ 1e-1,0.20]')
    fmc_root.csv('b', [shared])
    fmc_root.csv('c', [other])
    assert spacings(fmc_root) == [(0.1, 0.2)] * 2


def test_items_have_it_with_and_without_the_cache(fmc_root, tmp_path):
    fmc_root.csv('b', [fmc_root.cls_row(i, pixel_spacing=text) for i, text in enumerate(['[0.1, 0.2]', ''])])
    for options in ({}, dict(index_cache=str(tmp_path / 'cache')), dict(with_labels=False), dict(all_labels=True)):
        dataset = FMCUIADataset(str(fmc_root.path), 'all', test_mode=True, **options)
        assert [item.get('pixel_spacing') for item in dataset.data_list] == [(0.1, 0.2), None]
        assert 'pixel_spacing' not in dataset.data_list[1]


def test_no_column_needs_no_memory(fmc_root):
    columns: RowColumns = read_root(fmc_root.fill(5).path, TaskTable()).records.columns
    assert len(columns.spacing) == 20
    assert columns.spacing.strides == (0,)  # one number stands for all rows
    assert set(columns.spacing.tolist()) == {-1}
