"""Checks of whole columns pass no row that the check of the row refuses."""

import numpy as np
import pyarrow as pa
import pytest

from aurora_mm.annotations import ANNOTATIONS
from aurora_mm.challenge.arrow_columns import read_columns
from aurora_mm.challenge.column_checks import encode_together, first_rows, locate_paths, parse_annotations
from aurora_mm.challenge.csv_cells import BadRow, Files
from aurora_mm.tasks import Task

PATHS = [
    '../img/a.png',
    ' ../img/a.png ',
    '../img/missing.png',
    '../img/a.png#frame=3',
    '../img/a.png#frame=x',
    '../img/./a.png',
    '../../outside.png',
    '/img/a.png',
    '../nowhere/a.png',
    '../img/',
    '../img/..',
    'a.png',
    '../img/A.png',
    '..\\img\\a.png',
    '../img/folder',
]


@pytest.fixture
def table_of(tmp_path):
    """Writes a CSV file; gives its columns and what finds the files of the root."""
    (tmp_path / 'img' / 'folder').mkdir(parents=True)
    (tmp_path / 'img' / 'a.png').write_bytes(b'a')
    (tmp_path / 'csv_files').mkdir()

    def table(column, cells):
        rows = [f'kind,classification,2,"{cell}","{cell}"' for cell in cells]
        text = '\n'.join([f'task_id,task_name,num_classes,image_path,{column}', *rows])
        (tmp_path / 'csv_files' / 'rows.csv').write_text(text)
        return read_columns(tmp_path / 'csv_files' / 'rows.csv'), Files(tmp_path)

    return table


def located(files, path, must_exist):
    try:
        return files.locate('image_path', path, must_exist)[1]
    except BadRow:
        return None


@pytest.mark.parametrize('must_exist', [True, False])
def test_paths(table_of, must_exist):
    table, files = table_of('mask', PATHS)
    found = locate_paths(files, table, 'image_path', must_exist)
    expected = [located(files, path, must_exist) for path in PATHS]
    assert [sure and path is None for sure, path in zip(found.is_sure, expected, strict=True)] == [False] * len(PATHS)
    keys = found.keys().to_pylist()
    assert [key for key, sure in zip(keys, found.is_sure, strict=True) if sure] == [
        path for path, sure in zip(expected, found.is_sure, strict=True) if sure
    ]
    assert found.is_sure[0], 'what is usual is not left to the check of rows'


def test_annotations(table_of):
    cells = ['0', '1', '1', '1.0', '2', '', 'x', '0']
    task = Task('kind', 'classification', classes=('a', 'b'))
    table, files = table_of('mask', cells)
    parsed = parse_annotations(table, None, task, files)
    assert parsed.is_sure.tolist() == [True, True, True, True, False, False, False, True]
    assert [parsed.texts[code] for code in parsed.code[[0, 3]]] == ['{"gt_label": 0}', '{"gt_label": 1}']
    strata = parsed.strata[parsed.code]
    assert strata[[0, 1, 2, 3, 7]].tolist() == [0, 1, 1, 1, 0]
    some = parse_annotations(table, np.array([1, 4]), task, files)
    assert some.is_sure.tolist() == [True, False]


def test_annotations_of_a_table_without_their_column(table_of):
    table, files = table_of('mask', ['1'])
    assert parse_annotations(table, None, Task('box', 'detection', classes=('a',)), files) is None
    assert ANNOTATIONS['detection'].columns(Task('box', 'detection', classes=('a',)))[0] not in table.columns


def test_codes_of_combinations():
    columns = [pa.array(list('aabba'), pa.large_string()), pa.array(list('xyxyx'), pa.large_string())]
    code, first = encode_together(columns, 5)
    assert code.tolist() == [0, 1, 2, 3, 0]
    assert first.tolist() == [0, 1, 2, 3]
    code, first = encode_together([], 3)
    assert (code.tolist(), first.tolist()) == ([0, 0, 0], [0])


def test_first_rows():
    assert first_rows(np.array([1, 1, 3, 1]), 4).tolist() == [-1, 0, -1, 2]
