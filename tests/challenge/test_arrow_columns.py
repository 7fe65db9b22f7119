"""Columns that Arrow reads are those that Python's csv reads, row by row."""

import pytest

from aurora_mm.challenge import arrow_columns
from aurora_mm.challenge.arrow_columns import read_columns
from aurora_mm.challenge.csv_tables import read_rows
from aurora_mm.errors import DataError

HEADER = 'task_id,task_name,num_classes,image_path,mask'
ROW = 'kind,classification,2,../img/{}.png,1'
PLAIN = {
    'lines': f'{HEADER}\n{ROW}\n{ROW}\n',
    'no end of the last line': f'{HEADER}\n{ROW}\n{ROW}',
    'lines of Windows': f'{HEADER}\r\n{ROW}\r\n{ROW}\r\n',
    'quoted cells': f'{HEADER}\n"kind",classification,2,"../img/a, ""b"".png",1\n{ROW}\n',
    'spaces': f'{HEADER}\n kind ,classification,\u2003 2, ../img/a.png ,1\n{ROW}\n',
    'empty rows': f'{HEADER}\n\n{ROW}\n,,,,\n , , , ,\n{ROW}\n\n',
    'a mark of the byte order': f'\ufeff{HEADER}\n{ROW}\n',
    'cells of other letters': f'{HEADER}\nkind,classification,2,../img/ü字.png,1\n',
    'a column without a name': f'{HEADER},\n{ROW},\n',
}
ODD = {
    'a line within a cell': f'{HEADER}\nkind,classification,2,"../img/a\nb.png",1\n{ROW}\n',
    'too few cells': f'{HEADER}\nkind,classification,2,../img/a.png\n{ROW}\n',
    'too many cells': f'{HEADER}\n{ROW},3\n{ROW}\n',
    'a quote within a cell': f'{HEADER}\nkind,classification,2,../img/a"b.png,1\n',
    'a control character': f'{HEADER}\nkind,classification,2,../img/a\x1f.png,1\n',
    'lines of old systems': f'{HEADER}\r{ROW}\r',
    'values in a column without a name': f'{HEADER},\n,,,,,x\n{ROW},\n',
    'no row': f'{HEADER}\n',
}


@pytest.mark.parametrize(('text', 'by_arrow'), [(t, True) for t in PLAIN.values()] + [(t, False) for t in ODD.values()])
def test_columns_are_the_rows(tmp_path, monkeypatch, text, by_arrow):
    file = tmp_path / 'rows.csv'
    file.write_bytes(text.encode())
    assert (arrow_columns._read_by_arrow(file) is not None) == by_arrow
    monkeypatch.setattr(arrow_columns, '_PART', 40)  # of which a file has several
    columns = read_columns(file)
    assert [columns.row(index) for index in range(len(columns.lines))] == list(read_rows(file))
    assert columns.is_plain == by_arrow


@pytest.mark.parametrize('data', [b'', b'task_id\n', HEADER.encode() + b'\nkind,classification,2,\xff,1\n'])
def test_errors_are_those_of_rows(tmp_path, data):
    file = tmp_path / 'rows.csv'
    file.write_bytes(data)
    with pytest.raises(DataError) as expected:
        list(read_rows(file))
    with pytest.raises(DataError) as found:
        read_columns(file)
    assert str(found.value) == str(expected.value)
